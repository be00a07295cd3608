from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.service.soak import Plan, soak
from tests.support.server import Server
from weilink.sandbox.phone import Phone


@pytest.mark.slow
def test_soak(tmp_path: Path) -> None:
    numbers = soak(Plan(inbound=1200, sends=200, kills=10, seconds=35), tmp_path)
    assert numbers["kills"] >= 10
    assert numbers["sends accounted for"] >= 200
    assert numbers["parts reported"]["sent"] > 50
    assert {kind for kind, count in numbers["kinds seen"].items() if count} >= {"text", "file"}
    assert numbers["inbound files"] > 20
    assert numbers["fault hits"] > 50


@pytest.mark.slow
def test_killed_in_the_middle_of_an_upload(phone: Phone, tmp_path: Path) -> None:
    """The sender is gone, its file and its message are not: the next process sends them, once."""
    server = Server.logged_in(tmp_path / "base", phone)
    phone.write("hello")
    server.wait_stored(1)
    server.close()
    data = os.urandom(5_000_000)
    (tmp_path / "f.bin").write_bytes(data)
    phone.lab.clear_journal()
    phone.lab.fault("delay", "*/upload", 30.0)
    command = [sys.executable, "-m", "weilink", "send", phone.user_id(), "--text", "with a file"]
    process = subprocess.Popen([*command, "--file", str(tmp_path / "f.bin")], env=server.env)
    phone.wait_for("with a file")
    deadline = time.monotonic() + 20
    while not phone.lab.requests("*/getuploadurl"):
        assert time.monotonic() < deadline
        select.select([], [], [], 0.02)
    process.kill()
    process.wait()
    (tmp_path / "f.bin").unlink()
    phone.lab.clear_faults()
    server.start()
    try:
        (seen,) = phone.wait_for(kind="file", timeout=60)
        assert phone.content(seen) == data
        server.wait_stored(1)
        assert [one.kind for one in phone.chat(author="bot")] == ["text", "file"]
        assert server.json("status")["unsent"] == []
        assert list((tmp_path / "base" / "outbox").iterdir()) == []
    finally:
        server.close()
