"""The hook script when WeiLink is gone, slow, a stranger or broken: silent, quick, exit 0."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable

import pytest

from tests.hook.conftest import SECRET, Installed, Listener, answer, request

Listen = Callable[[Callable[[socket.socket], None]], Listener]


def silent(done: subprocess.CompletedProcess[bytes]) -> bool:
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_no_server(installed: Installed) -> None:
    assert silent(installed.run())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"127.0.0.1",
        b"127.0.0.1 x secret 1",
        b"\xff\xfe\x00",
        b"127.0.0.1 1 s 99999999999",
    ],
)
def test_an_announcement_that_is_not_valid(installed: Installed, content: bytes) -> None:
    (installed.base / "run" / "recv").write_bytes(content)
    assert silent(installed.run())


def test_nobody_listens(installed: Installed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    installed.announce(port)
    assert silent(installed.run())


def test_the_port_of_a_dead_server_is_not_asked(installed: Installed, listen: Listen) -> None:
    stranger = listen(lambda connection: None)
    gone = subprocess.Popen(["true"])
    gone.wait()
    installed.announce(stranger.port, pid=gone.pid)
    assert silent(installed.run())
    assert stranger.connections == 0


def test_a_server_that_hangs(installed: Installed, listen: Listen) -> None:
    installed.announce(listen(lambda connection: void(connection.recv(1))).port)
    assert silent(installed.run("0.2"))


def void(_: object) -> None:
    """Wait for the end of the connection."""


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX-WeiLink-Claim: abc\r\n\r\nhalf of it",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nwrong",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nwrong",
        b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nwrong",
        b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_broken(installed: Installed, listen: Listen, reply: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(reply)

    installed.announce(listen(handle).port)
    assert silent(installed.run())
    assert installed.acks == []


def test_the_exchange(installed: Installed, listen: Listen) -> None:
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        seen.append(request(connection))
        answer(connection, "text 世界".encode(), "X-WeiLink-Claim: c1a1")
        seen.append(request(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    listener = listen(handle)
    installed.announce(listener.port)
    big = b'{"prompt": "' + b"x" * 10_000_000 + b'"}'
    done = installed.run(given=big)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, "text 世界", b"")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert body == big
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/hook/claude HTTP/1.1"
    assert f"Host: 127.0.0.1:{listener.port}" in lines
    assert f"Authorization: Bearer {SECRET}" in lines
    assert seen[1].startswith(b"POST /v1/ack/c1a1 HTTP/1.1\r\n")
    assert installed.acks == []


def test_text_for_stderr_and_an_exit_code(installed: Installed, listen: Listen) -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        answer(connection, b"wake up", "X-WeiLink-Stream: stderr", "X-WeiLink-Exit: 2")

    installed.announce(listen(handle).port)
    done = installed.run()
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"wake up")


def test_an_acknowledgement_that_finds_nobody_is_left_for_the_next_leader(
    installed: Installed, listen: Listen
) -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        answer(connection, b"text", "X-WeiLink-Claim: c1a1")

    installed.announce(listen(handle).port)
    assert installed.run().stdout == b"text"
    assert installed.acks == ["c1a1"]


def test_a_claim_that_would_leave_the_folder_is_ignored(
    installed: Installed, listen: Listen
) -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        answer(connection, b"text", "X-WeiLink-Claim: ../../evil")

    installed.announce(listen(handle).port)
    assert installed.run().stdout == b"text"
    assert installed.acks == []
    assert not (installed.base / "evil").exists()


def test_what_could_not_be_printed_is_not_acknowledged(
    installed: Installed, listen: Listen
) -> None:
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        seen.append(request(connection))
        answer(connection, b"text", "X-WeiLink-Claim: c1a1")
        if left := connection.recv(65536):
            seen.append(left)

    listener = listen(handle)
    installed.announce(listener.port)
    read, write = os.pipe()
    os.close(read)
    try:
        done = installed.run(out=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(seen) == 1
    assert installed.acks == []
