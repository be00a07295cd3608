"""A client that is not ours finds in the sandbox the service it was written for."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.packages import python_with
from weilink.sandbox.phone import Phone

PACKAGE = "wechatbot-sdk==0.3.0"


@pytest.fixture(scope="module")
def python() -> str:
    return python_with(PACKAGE)


@contextmanager
def driver(python: str, phone: Phone, folder: Path) -> Iterator[subprocess.Popen[str]]:
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [
                *(python, "-I", str(Path(__file__).with_name("sdk_driver.py"))),
                *(phone.base_url, str(folder / "credentials.json")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            env={**os.environ, "HOME": str(folder)},
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_wechatbot_sdk_logs_in_receives_and_sends(
    phone: Phone, python: str, tmp_path: Path
) -> None:
    # A poll of its login is held as long as this, and it pauses two seconds between two.
    phone.lab.set_options(login_poll_seconds=20)
    with driver(python, phone, tmp_path) as process:
        credentials = phone.log_in(timeout=20)
        phone.wait_polling(timeout=20)

        phone.write("hello")
        answer, file = phone.wait_for(count=2, timeout=20)
        assert (answer.kind, answer.text) == ("text", "你好")
        assert (file.kind, file.file_name) == ("file", "报告.pdf")
        assert phone.content(file) == b"%PDF-1.7 \x00\xff"
        assert phone.conversation().typing_events[0] == 1

        sent = [
            phone.send_media("image", b"\x89PNG" * 9),
            phone.send_media("file", b"0123456789abcdef", file_name="a.bin"),
            phone.send_media("voice", b"#!SILK_V3", text="早"),
        ]
        backs = phone.wait_for(kind="file", count=3, after=sent[0].n, timeout=20)
        assert [phone.content(one) for one in backs] == [phone.content(one)[::-1] for one in sent]

        phone.write("stop")
        output, _ = process.communicate(timeout=20)
    events: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    assert events[1] == {
        "event": "login",
        "bot_id": credentials.bot_id,
        "user_id": phone.user_id(),
    }
    messages = [event for event in events if event["event"] == "message"]
    assert len(messages) == len(events) - 2, events
    written = phone.chat(author="user")
    assert [str(event["id"]) for event in messages] == [one.message_id for one in written]
    assert [event["type"] for event in messages] == ["text", "image", "file", "voice", "text"]
    assert process.returncode == 0
    assert phone.bot().most_pollers == 1
    # It leaves two headers out of its very first request; all else is as ilink.md says.
    assert {note.path for note in phone.lab.violations()} <= {"/ilink/bot/get_bot_qrcode"}
