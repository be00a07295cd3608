"""WeiLink's MCP server as programs meet it: over a pipe line by line, and over HTTP."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from weilink.service.leading import is_led

DEADLINE = 20.0
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
"""What each request of protocol 2026-07-28 brings along."""


class Process:
    """A `weilink mcp` process; its log goes to a file."""

    def __init__(
        self, env: Mapping[str, str], *arguments: str, log: Path, over_socket: bool = False
    ) -> None:
        self.log = log
        self.base = Path(env["WEILINK_BASE_PATH"])
        # Node.js, and so Claude Code, gives its children sockets where others give pipes.
        ours, theirs = socket.socketpair() if over_socket else (None, None)
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "weilink", "mcp", *arguments],
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=theirs.fileno() if theirs else subprocess.PIPE,
                stderr=file,
            )
        if ours and theirs:
            theirs.close()
            self.process.stdout = cast("IO[bytes]", ours.makefile("rb", buffering=0))
            ours.close()

    def log_text(self) -> str:
        """What it wrote on stderr so far."""
        return self.log.read_text("utf-8")

    def wait_log(self, pattern: str) -> re.Match[str]:
        """Wait until the log has a line like this."""
        deadline = time.monotonic() + DEADLINE
        while True:
            if found := re.search(pattern, self.log_text()):
                return found
            assert self.process.poll() is None, self.log_text()
            assert time.monotonic() < deadline, self.log_text()
            threading.Event().wait(0.01)

    def wait_leading(self) -> None:
        """Wait until some process leads on its base path."""
        deadline = time.monotonic() + DEADLINE
        while not is_led(self.base):
            assert time.monotonic() < deadline, self.log_text()
            threading.Event().wait(0.01)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def kill(self) -> None:
        """Kill it with -9."""
        self.process.kill()
        self.process.wait(DEADLINE)

    def close(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()


class Stdio(Process):
    """A client over stdin and stdout, before or after its handshake."""

    def __init__(
        self, env: Mapping[str, str], *arguments: str, log: Path, over_socket: bool = False
    ) -> None:
        super().__init__(env, *arguments, log=log, over_socket=over_socket)
        self.lines: list[bytes] = []
        """Every line that was read. Nothing is taken off the pipe before somebody asks."""
        self.notifications: list[dict[str, Any]] = []
        self._buffer = b""
        self._last = 0
        self._answers: dict[int, dict[str, Any]] = {}

    def _line(self, deadline: float) -> bytes:
        """Return the next line, b"" at the end of the process."""
        assert self.process.stdout
        end = time.monotonic() + deadline
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError(f"nothing came; the log is {self.log_text()}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return b""
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        self.lines.append(line)
        return line

    def write(self, message: Mapping[str, Any] | bytes) -> None:
        """Write one line."""
        assert self.process.stdin
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def start(self, method: str, **params: Any) -> int:
        """Make a request and return its id."""
        self._last += 1
        self.write({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params})
        return self._last

    def wait(self, request: int, deadline: float = DEADLINE) -> dict[str, Any]:
        """Wait for the answer to a request."""
        end = time.monotonic() + deadline
        while request not in self._answers:
            message = self.next(max(end - time.monotonic(), 0.001))
            if "method" in message:
                self.notifications.append(message)
            else:
                self._answers[message["id"]] = message
        return self._answers.pop(request)

    def next(self, deadline: float = DEADLINE) -> dict[str, Any]:
        """Wait for any message of the server."""
        line = self._line(deadline)
        assert line, f"the server has ended: {self.log_text()}"
        message: dict[str, Any] = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Make a request and return its result."""
        answer = self.wait(self.start(method, **params))
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def handshake(self, version: str = "2025-11-25", **capabilities: Any) -> dict[str, Any]:
        """Initialize and return what the server says of itself."""
        result = self.ask(
            "initialize",
            protocolVersion=version,
            capabilities=capabilities,
            clientInfo={"name": "tests", "version": "0"},
        )
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its structured content."""
        result = self.ask("tools/call", name=tool, arguments=arguments)
        assert not result.get("isError"), result
        content: dict[str, Any] = result["structuredContent"]
        return content

    def fail(self, tool: str, **arguments: Any) -> str:
        """Call a tool that must fail, and return what it tells the agent."""
        result = self.ask("tools/call", name=tool, arguments=arguments)
        assert result.get("isError") is True, result
        (text,) = result["content"]
        words: str = text["text"]
        assert "Traceback" not in words
        assert "pydantic" not in words
        return words

    def end(self) -> int:
        """Close standard input, as an agent does; return the exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(DEADLINE)

    def rest(self) -> list[bytes]:
        """All lines that nobody has read, up to the end of the process."""
        left = []
        while line := self._line(DEADLINE):
            left.append(line)
        return left


class Http(Process):
    """A server over HTTP, on a free port; `url` is without a path."""

    def __init__(self, env: Mapping[str, str], *arguments: str, log: Path) -> None:
        super().__init__(env, "-t", "http", "-p", "0", *arguments, log=log)
        self.url = self.wait_log(r"serves MCP at (\S+?)/(?:mcp|sse);")[1]
        self.port = int(self.url.rpartition(":")[2])


def environment(base: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a server without a WeChat: nothing of the user's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(base.parent),
        "LANG": "C.UTF-8",
        "WEILINK_LANG": "en",
        "WEILINK_BASE_PATH": str(base),
        "WEILINK_ILINK_BASE_URL": "http://127.0.0.1:1",
        "WEILINK_CDN_BASE_URL": "http://127.0.0.1:1",
        **(extra or {}),
    }
