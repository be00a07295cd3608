"""`python -m tests.pages.writer URL COUNT RATE`: somebody writes very fast.

A process of its own with a bare socket: it shares no interpreter with the browser's driver, and
does not wait for one answer before it asks for the next. Prints how many seconds it took.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from urllib.parse import urlsplit


def main(url: str, count: int, rate: float) -> None:
    """Write `count` messages, `rate` of them in a second, each in a request of its own."""
    parts = urlsplit(url)
    began = time.monotonic()
    sent = answered = 0
    received = b""
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        while answered < count:
            due = min(count, int((time.monotonic() - began) * rate) + 1)
            for n in range(sent, due):
                body = json.dumps({"user": "alice", "messages": [{"text": f"burst {n + 1}"}]})
                head = f"POST /_sandbox/messages HTTP/1.1\r\nHost: {parts.netloc}\r\n"
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body.encode())
            sent = due
            if select.select([connection], [], [], 1 / rate)[0]:
                if not (data := connection.recv(65536)):
                    raise RuntimeError("the sandbox hung up")
                received = received[-20:] + data
                answered += received.count(b"HTTP/1.1 200 ")
                received = received[received.rfind(b"HTTP/1.1 200 ") + 13 :]
    print(f"{time.monotonic() - began:.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
