"""An installed hook without a real server, and one that this test plays."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, hook_command, hook_input
from weilink.assets import asset
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess

SECRET = "the-secret"
_users = itertools.count(1)


class Installed:
    """A hook in a base path of its own."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "hooks").mkdir(parents=True)
        (base / "run" / "acks").mkdir(parents=True)
        shutil.copy(asset("hooks", "weilink_hook.py"), base / "hooks")

    def announce(self, port: int, pid: int | None = None) -> None:
        """Write the file that tells the hook where to ask."""
        line = f"127.0.0.1 {port} {SECRET} {os.getpid() if pid is None else pid}\n"
        (self.base / "run" / "recv").write_text(line)

    def run(
        self, *more: str, given: bytes | None = None, out: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the hook as an agent does."""
        return subprocess.run(
            [*hook_command(self.base), *more],
            env={"PATH": os.environ["PATH"]},
            input=hook_input() if given is None else given,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=20,
            check=False,
        )

    @property
    def acks(self) -> list[str]:
        """The acknowledgements that were left behind."""
        return sorted(path.name for path in (self.base / "run" / "acks").iterdir())


class Listener:
    """A TCP server that handles each connection with a function, in a thread."""

    def __init__(self, handle: Callable[[socket.socket], None]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._handle = handle
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self._handle(connection)

    def close(self) -> None:
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


def request(connection: socket.socket) -> bytes:
    """Read one request: head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(connection: socket.socket, body: bytes, *headers: str) -> None:
    """Answer with 200."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    """A hook without a server, in a folder with a name that breaks careless programs."""
    return Installed(tmp_path / "我的 'base' & $HOME 🙂")


@pytest.fixture
def listen() -> Iterator[Callable[[Callable[[socket.socket], None]], Listener]]:
    """Start listeners that end with the test."""
    started: list[Listener] = []

    def start(handle: Callable[[socket.socket], None]) -> Listener:
        started.append(Listener(handle))
        return started[-1]

    yield start
    for listener in started:
        listener.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One WeChat for the tests of a module."""
    process = SandboxProcess.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def phone(sandbox: SandboxProcess) -> Phone:
    """The phone of alice, who owns the bot of the server that the tests of a module share."""
    return sandbox.phone


@pytest.fixture(scope="module")
def shared(phone: Phone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    server = Server.logged_in(folder / "我的 'base' & $HOME 🙂", phone)
    yield server
    server.close()


@pytest.fixture
def server(shared: Server) -> Server:
    """A real server that is logged in and polls. Others use it too: leave it as it was."""
    while shared.hook():
        pass
    shared.begin()
    return shared


@pytest.fixture
def own(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Server]:
    """A server for this test alone, of a user of its own: `own.phone`."""
    with Phone(sandbox.phone.base_url, user=f"user-{next(_users)}") as phone:
        server = Server.logged_in(tmp_path / "我的 'base' & $HOME 🙂", phone)
        try:
            yield server
        finally:
            server.close()
