"""The tools do what they say, seen from the client and from the phone."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.server.clients import Stdio
from tests.server.conftest import client_of, log_in
from weilink.qr import qr_png
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess


@pytest.fixture(scope="module")
def phone(sandbox: SandboxProcess) -> Iterator[Phone]:
    """The one user of this module."""
    with Phone(sandbox.phone.base_url, user="tools") as phone:
        yield phone


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tools") / "base"


@pytest.fixture(scope="module")
def server(base: Path, phone: Phone) -> Iterator[Stdio]:
    with client_of(base, phone) as client:
        yield client


@pytest.fixture
def client(server: Stdio, base: Path, phone: Phone) -> Stdio:
    """The one server of this module, with nothing left of the test before."""
    if [one["name"] for one in server.call("sessions")["sessions"]] != ["default"]:
        if server.call("sessions")["sessions"]:
            server.call("logout")
        log_in(base, phone)
    phone.wait_polling()
    while server.call("recv", timeout=0)["messages"]:
        pass
    return server


def newest(phone: Phone) -> int:
    return max((message.n for message in phone.chat()), default=0)


def test_messages_both_ways(client: Stdio, phone: Phone) -> None:
    bot = phone.wait_polling()
    wrote = phone.write("你好 <b>\u202eabc")
    result = client.call("recv", timeout=10)
    (message,) = result["messages"]
    assert message == {
        "message_id": wrote.message_id,
        "from_user": phone.user_id(),
        "msg_type": "TEXT",
        "text": "你好 <b>[U+202E]abc",
        "timestamp": wrote.create_time_ms,
        "bot_id": bot.bot_id,
        "direction": "received",
        "group_id": "",
        "media": None,
        "files": 0,
        "ref_msg": None,
    }
    phone.write("and while you answered")
    phone.wait_for("and while you answered", author="user", acknowledged=True)
    sent = client.call("send", to=phone.user_id(), text="an answer")
    assert [part["state"] for part in sent["parts"]] == ["sent"]
    assert sent["replies_left"] == 9
    assert [m["text"] for m in sent["new_messages"]] == ["and while you answered"]
    (answer,) = phone.wait_for("an answer")
    found = client.call("history", user_id=phone.user_id(), bot_id=bot.bot_id)
    assert (found["total"], found["limit"], found["offset"]) == (3, 50, 0)
    assert found["messages"][0]["message_id"] == answer.message_id
    only = client.call("history", direction="sent", text_contains="AN ANS")
    assert [m["text"] for m in only["messages"]] == ["an answer"]
    page = client.call("history", limit=1, offset=1)
    assert [m["text"] for m in page["messages"]] == ["and while you answered"]


def test_quotes(client: Stdio, phone: Phone) -> None:
    phone.write("hello")
    client.call("recv", timeout=10)
    client.call("send", to=phone.user_id(), text="shall I delete it?")
    (asked,) = phone.wait_for("shall I delete it?")
    # As newer phones quote: by id alone. The text is in our own history.
    phone.write("yes", quote=asked.message_id, quote_style="id")
    (message,) = client.call("recv", timeout=10)["messages"]
    assert message["ref_msg"]["text"] == "shall I delete it?"
    assert message["ref_msg"]["message_id"] == asked.message_id
    assert message["ref_msg"]["from_user"] == "you"


def test_media(client: Stdio, phone: Phone, tmp_path: Path, base: Path) -> None:
    picture = qr_png("a picture")
    before = newest(phone)
    phone.send_media("image", picture)
    phone.send_media("file", b"content", file_name="../../报告 😀.txt")
    phone.wait_for(author="user", count=2, after=before, acknowledged=True)
    image, file = client.call("recv", timeout=10)["messages"]
    assert (image["msg_type"], file["msg_type"]) == ("IMAGE", "FILE")
    assert (file["media"]["size"], file["files"]) == (7, 1)
    request = client.ask(
        "tools/call", name="download", arguments={"message_id": image["message_id"]}
    )
    saved = request["structuredContent"]
    assert saved["mime_type"] == "image/png"
    assert Path(saved["path"]).parent == base / "downloads"
    assert Path(saved["path"]).read_bytes() == picture
    assert saved["size"] == len(picture)
    (shown,) = [part for part in request["content"] if part["type"] == "image"]
    assert base64.b64decode(shown["data"]) == picture
    folder = tmp_path / "目录 with space"
    saved = client.call("download", message_id=file["message_id"], save_dir=str(folder))
    assert Path(saved["path"]).parent == folder
    assert Path(saved["path"]).read_bytes() == b"content"

    before = newest(phone)
    picture_path = tmp_path / "图.png"
    picture_path.write_bytes(picture)
    sent = client.call(
        "send",
        to=phone.user_id(),
        text="both",
        image_path=str(picture_path),
        file_path=str(picture_path),
        file_name="名字.png",
    )
    assert [part["state"] for part in sent["parts"]] == ["sent", "sent", "sent"]
    text, image_message, file_message = phone.wait_for(count=3, after=before)
    assert text.text == "both"
    assert phone.content(image_message) == picture
    assert file_message.file_name == "名字.png"


def test_progress(client: Stdio, phone: Phone, tmp_path: Path) -> None:
    phone.write("hello")
    client.call("recv", timeout=10)
    big = tmp_path / "big.bin"
    big.write_bytes(b"0123456789" * 2_000_000)
    arguments = {"to": phone.user_id(), "file_path": str(big)}
    client.ask("tools/call", name="send", arguments=arguments, _meta={"progressToken": "p"})
    told = [n["params"] for n in client.notifications if n["method"] == "notifications/progress"]
    assert told
    assert {one["progressToken"] for one in told} == {"p"}
    amounts = [one["progress"] for one in told]
    assert amounts == sorted(amounts)
    assert all(one["total"] >= 20_000_000 for one in told)


def test_cancelled_upload_stops(client: Stdio, phone: Phone, tmp_path: Path) -> None:
    phone.write("hello")
    client.call("recv", timeout=10)
    number = phone.lab.fault("delay", "*upload*", 30, times=1)
    file = tmp_path / "file.bin"
    file.write_bytes(b"x" * 100_000)
    arguments = {"to": phone.user_id(), "file_path": str(file)}
    sending = client.start("tools/call", name="send", arguments=arguments)
    deadline = time.monotonic() + 20
    while not any(fault["hits"] for fault in phone.lab.faults() if fault["id"] == number):
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    client.write(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": sending}}
    )
    # Neither is the server busy, nor does an answer to the cancelled call come.
    assert client.call("sessions")["sessions"]
    # Nor is it sent behind the back of whoever cancelled it: the next one is.
    before = newest(phone)
    client.call("send", to=phone.user_id(), text="after it")
    assert [message.kind for message in phone.wait_for(after=before)] == ["text"]
    assert not [line for line in client.lines if json.loads(line).get("id") == sending]


def test_upload_cancelled_in_the_middle(client: Stdio, phone: Phone, tmp_path: Path) -> None:
    phone.write("hello")
    client.call("recv", timeout=10)
    before = newest(phone)
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate(60_000_000)
    # More is not taken than the connection holds: the upload is in the middle until it is ended.
    phone.lab.fault("delay", "*/upload", 60.0)
    request = {"name": "send", "arguments": {"to": phone.user_id(), "file_path": str(big)}}
    sending = client.start("tools/call", **request, _meta={"progressToken": "p"})
    while client.next()["params"]["progress"] == 0:
        pass  # It is under way when some of it is.
    client.write(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": sending}}
    )
    client.call("send", to=phone.user_id(), text="after it")
    assert [message.kind for message in phone.wait_for(after=before)] == ["text"]
    # Nor is the copy kept that was being sent.
    deadline = time.monotonic() + 20
    while left := list((client.base / "outbox").iterdir()):
        assert time.monotonic() < deadline, left
        threading.Event().wait(0.01)
    assert not [line for line in client.lines if json.loads(line).get("id") == sending]
    phone.lab.clear_faults()


def test_sessions(client: Stdio, phone: Phone) -> None:
    bot = phone.wait_polling()
    (session,) = client.call("sessions")["sessions"]
    assert session == {
        "name": "default",
        "bot_id": bot.bot_id,
        "connected": True,
        "default": True,
        "problem": "",
    }
    client.call("rename_session", old_name="default", new_name="工作")
    client.call("set_default", session_name="工作")
    assert [s["name"] for s in client.call("sessions")["sessions"]] == ["工作"]
    client.call("logout")
    assert client.call("sessions") == {"sessions": []}
    assert "`login` tool" in client.fail("send", to=phone.user_id(), text="hi")


def test_results_match_their_schemas(client: Stdio, phone: Phone) -> None:
    phone.write("hello")
    phone.wait_for("hello", author="user", acknowledged=True)
    schemas: dict[str, Any] = {
        t["name"]: t["outputSchema"] for t in client.ask("tools/list")["tools"]
    }
    calls = {
        "recv": {},
        "send": {"to": phone.user_id(), "text": "hi"},
        "history": {},
        "sessions": {},
        "login": {},
        "rename_session": {"old_name": "default", "new_name": "work"},
        "set_default": {"session_name": "work"},
        "logout": {},
    }
    for tool, arguments in calls.items():
        result = client.ask("tools/call", name=tool, arguments=arguments)
        jsonschema.validate(result["structuredContent"], schemas[tool])
        # Old clients read the text.
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


def test_long_quotes_count_too(client: Stdio, phone: Phone) -> None:
    """What is too long for one result would be put where the agent does not look."""
    long = phone.write("长" * 16_000)
    client.call("recv", timeout=10)
    before = newest(phone)
    for n in range(5):
        phone.write(str(n), quote=long.message_id, quote_style="id")
    phone.wait_for(author="user", count=5, after=before, acknowledged=True)
    first = client.call("recv", timeout=10)
    assert ([m["text"] for m in first["messages"]], first["waiting"]) == (["0", "1"], 3)
    rest = client.call("recv", timeout=10)["messages"] + client.call("recv", timeout=10)["messages"]
    assert [m["text"] for m in rest] == ["2", "3", "4"]


def test_recv_says_why_nothing_comes(phone: Phone, tmp_path: Path) -> None:
    """An agent that listens would wait for ever for a bot whose login has ended."""
    with (
        Phone(phone.base_url, user="stale") as other,
        client_of(tmp_path / "base", other) as client,
    ):
        assert client.call("recv", timeout=0)["problems"] == []
        other.lab.make_stale()
        deadline = time.monotonic() + 20
        while not (told := client.call("recv", timeout=0)["problems"]):
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)
        assert "weilink login default --force" in told[0]
