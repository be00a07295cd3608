"""Ask the running WeiLink for new messages and print them for the coding agent.

    python -I -S weilink_hook.py AGENT [SECONDS]

`weilink setup` copies this file to `<base path>/hooks/` and names it in the agent's hooks. It
hands its standard input to WeiLink's recv endpoint and prints what comes back; everything that an
agent needs to see is made there, so this script need not change when WeiLink does. Without a
running WeiLink it prints nothing and exits with 0.

An agent waits for it at every prompt: standard library only, and of that as little as possible
(importing json or socket would double its time). Python 3.8 or newer.
"""

import sys

try:
    import _socket as socket  # what the socket module is made of, in a tenth of its time
except ImportError:
    import socket  # type: ignore[no-redef]

try:
    import posix
except ImportError:  # Windows
    posix = None  # type: ignore[assignment]

ANSWER_SECONDS = 3.0  # a WeiLink that hangs must not hold up a prompt


def find_endpoint(run: str) -> "tuple[str, int, str] | None":
    """Return (host, port, secret) of the running WeiLink, None when there is none."""
    try:
        with open(run + "/recv", "rb") as file:  # noqa: PTH123  (pathlib is slow to import)
            host, port, secret, pid = file.read().decode("ascii").split()
        if posix is not None:
            # After a crash the file stays; its port may belong to a stranger by now, and what
            # the agent tells a hook is not for strangers.
            posix.kill(int(pid), 0)
        return host, int(port), secret
    except (OSError, ValueError, OverflowError):
        return None


def ask(
    connection: socket.socket, host: str, secret: str, path: str, body: bytes
) -> "tuple[dict[str, str], bytes]":
    """POST `body`; return (headers, body) of the answer. OSError or ValueError when it fails."""
    lines = ["POST %s HTTP/1.1", "Host: %s", "Authorization: Bearer %s", "Content-Length: %d"]
    head = "\r\n".join(lines) % (path, host, secret, len(body)) + "\r\n\r\n"
    connection.sendall(head.encode("ascii") + body)
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    start, _, data = data.partition(b"\r\n\r\n")
    lines = start.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if lines[0].split()[1][0] != "2":
        raise ValueError(lines[0])
    length = int(headers.get("content-length", "0"))
    while len(data) < length:
        data += receive(connection)
    return headers, data


def receive(connection: socket.socket) -> bytes:
    """Return the next bytes; OSError at the end of the connection."""
    data = connection.recv(65536)
    if not data:
        raise OSError("the connection ended early")
    return data


def leave_ack(path: str) -> None:
    """Leave an acknowledgement for the next leader, as an empty file named after the claim."""
    try:
        open(path, "xb").close()  # noqa: PTH123
    except OSError:
        return  # then the messages come again: better twice than never


def main(arguments: "list[str]") -> int:
    """Do one exchange and return the exit code."""
    folder = __file__.replace("\\", "/").rpartition("/")[0]
    run = (folder.rpartition("/")[0] or ".") + "/run"
    endpoint = find_endpoint(run)
    if endpoint is None or sys.stdin is None or sys.stdin.isatty():
        return 0
    host, port, secret = endpoint
    address = host + ":" + str(port)
    agent = arguments[1] if len(arguments) > 1 else "claude"
    body = sys.stdin.buffer.read()
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(float(arguments[2]) if len(arguments) > 2 else ANSWER_SECONDS)
    try:
        connection.connect((host, port))
        headers, answer = ask(connection, address, secret, "/v1/hook/" + agent, body)
        if not answer:
            return 0
        stream = sys.stderr if headers.get("x-weilink-stream") == "stderr" else sys.stdout
        stream.buffer.write(answer)
        stream.buffer.flush()
    except (OSError, ValueError, IndexError):
        # Not printed, so not acknowledged: WeiLink hands the messages to the next reader.
        return 0
    claim = headers.get("x-weilink-claim", "")
    if claim.isalnum():
        try:
            connection.settimeout(ANSWER_SECONDS)
            ask(connection, address, secret, "/v1/ack/" + claim, b"")
        except (OSError, ValueError, IndexError):
            # WeiLink ended in between. Its successor reads this before it hands out anything.
            leave_ack(run + "/acks/" + claim)
    return int(headers.get("x-weilink-exit", "0"))


if __name__ == "__main__":
    code = main(sys.argv)
    if posix is not None:
        # All is written and flushed; taking the interpreter down in order would cost a
        # tenth of the whole run.
        posix._exit(code)
    sys.exit(code)
