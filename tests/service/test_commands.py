from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server
from weilink.sandbox.phone import Phone

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(200)


@pytest.fixture
def server(phone: Phone, tmp_path: Path) -> Iterator[Server]:
    server = Server.logged_in(tmp_path / "base", phone)
    yield server
    server.close()


def test_send_download_and_status(server: Server, phone: Phone, tmp_path: Path) -> None:
    """The real command, beside a server that leads."""
    phone.write("hello")
    server.wait_stored(1)
    (tmp_path / "图 1.png").write_bytes(PNG)
    sent = server.json(
        *("send", phone.user_id(), "--text", "look", "--image", str(tmp_path / "图 1.png")),
        *("--file", str(tmp_path / "图 1.png"), "--file-name", "名字.png"),
    )
    assert [part["state"] for part in sent["parts"]] == ["sent"] * 3
    seen = phone.wait_for(count=3)
    assert [one.kind for one in seen] == ["text", "image", "file"]
    assert seen[2].file_name == "名字.png"

    message = phone.send_media("file", b"data", file_name="a/../b c.txt")
    server.wait_stored(2)
    got = server.json("download", message.message_id, "-o", str(tmp_path / "in"))
    assert Path(got["path"]) == tmp_path / "in" / "b c.txt"
    assert (got["size"], got["mime_type"]) == (4, "text/plain")
    assert Path(got["path"]).read_bytes() == b"data"

    for arguments, code in (
        (["send", phone.user_id()], 2),
        (["send", phone.user_id(), "--file", str(server.base / "weilink.db")], 2),
        (["send", "stranger@im.wechat", "--text", "x"], 2),
        (["download", "1"], 2),
    ):
        done = server.weilink(*arguments)
        assert done.returncode == code, done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "Traceback" not in done.stderr

    phone.lab.expire_tokens()
    queued = server.json("send", phone.user_id(), "--text", "later")
    assert queued["parts"][0]["state"] == "queued"
    unsent = server.json("status")["unsent"]
    assert [(part["state"], part["text"]) for part in unsent] == [("queued", "later")]
    assert "queued -> " in server.weilink("status").stdout


def test_progress_bar_on_a_terminal(server: Server, phone: Phone, tmp_path: Path) -> None:
    phone.write("hello")
    server.wait_stored(1)
    (tmp_path / "f.bin").write_bytes(os.urandom(3_000_000))
    phone.lab.fault("delay", "*/upload", 0.5)
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "weilink", "send", phone.user_id()]
    process = subprocess.Popen(
        [*command, "--file", str(tmp_path / "f.bin")],
        env=server.env | {"TERM": "xterm", "COLUMNS": "100"},
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    seen, deadline = "", time.monotonic() + 20
    while "MiB" not in seen:
        ready, _, _ = select.select([master], [], [], max(deadline - time.monotonic(), 0))
        assert ready, seen
        seen += os.read(master, 65536).decode(errors="replace")
    assert "Sending" in seen
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.decode().startswith("sent: ")
    os.close(master)
