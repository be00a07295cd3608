"""Hooks that a test answers itself, while the agent waits for them."""

from __future__ import annotations

import contextlib
import json
import shlex
import socket
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

# Sends what the agent gave it as one line, reads what to do, does it. Both directions stay open,
# so that the end of the hook shows here as the end of the connection.
_SCRIPT = """\
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", {port})) as c:
    given = sys.stdin.buffer.read().decode("utf-8")
    message = json.dumps([os.getpid(), given, dict(os.environ)])
    c.sendall(message.encode() + b"\\n")
    data = b""
    while part := c.recv(65536):
        data += part
answer = json.loads(data or b'["", "", 0]')
sys.stdout.buffer.write(answer[0].encode("utf-8"))
sys.stderr.buffer.write(answer[1].encode("utf-8"))
sys.exit(answer[2])
"""


def context(event: str, text: str) -> dict[str, Any]:
    """The output of a hook that puts a text before the model."""
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}


def printing(folder: Path, output: object) -> str:
    """A command that prints this JSON, whatever it is given."""
    file = folder / "output.json"
    file.write_text(json.dumps(output, ensure_ascii=False), encoding="utf-8")
    # Reads its input first: a program may take it as a failure when it cannot write all of it.
    return f"cat >/dev/null; cat {shlex.quote(str(file))}"


class HookCall:
    """One run of a hook; it waits for the answer."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        connection.settimeout(deadline)
        self._reader = connection.makefile("rb")
        self.pid: int
        self.env: dict[str, str]
        """The hook's environment."""
        self.pid, given, self.env = json.loads(self._reader.readline())
        self.input: dict[str, Any] = json.loads(given)
        """What the agent told the hook on stdin."""

    def answer(self, stdout: object = None, stderr: str = "", code: int = 0) -> None:
        """Let the hook print JSON or a text and end."""
        if not isinstance(stdout, str):
            stdout = "" if stdout is None else json.dumps(stdout, ensure_ascii=False)
        self._connection.sendall(json.dumps([stdout, stderr, code]).encode())
        self._connection.shutdown(socket.SHUT_WR)

    def wait_gone(self, deadline: float = 20) -> None:
        """Wait until the hook has ended, by itself or by the agent.

        Raises:
            TimeoutError: It is still there.
        """
        self._connection.settimeout(deadline)
        try:
            self._reader.read()
        except ConnectionResetError:
            return

    def close(self) -> None:
        """Let the hook end without output, if it still waits."""
        self._reader.close()
        self._connection.close()


class Hook:
    """A hook command and the runs of it; a context manager."""

    def __init__(self, folder: Path, name: str = "hook") -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        file = folder / f"{name}.py"
        file.write_text(_SCRIPT.format(port=self._server.getsockname()[1]))
        self.command = shlex.join([sys.executable, "-I", "-S", str(file)])
        self._calls: list[HookCall] = []

    def wait(self, deadline: float = 20) -> HookCall:
        """Wait until the agent runs the hook.

        Raises:
            TimeoutError: It did not.
        """
        self._server.settimeout(max(deadline, 0.001))  # 0 means: do not wait
        connection, _ = self._server.accept()
        call = HookCall(connection, deadline)
        self._calls.append(call)
        return call

    @contextlib.contextmanager
    def answering(self, *outputs: object) -> Iterator[list[HookCall]]:
        """Answer the next runs with these outputs while something else goes on.

        Raises:
            TimeoutError: At the end, when there were fewer runs.
        """
        calls: list[HookCall] = []

        def answer() -> None:
            for output in outputs:
                call = self.wait()
                calls.append(call)
                call.answer(output)

        with futures.ThreadPoolExecutor(1) as threads:
            done = threads.submit(answer)
            yield calls
            done.result()

    def __enter__(self) -> Hook:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        for call in self._calls:
            call.close()
