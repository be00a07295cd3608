"""What an agent is told that asks for what cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.clients import Stdio
from tests.server.conftest import client_of, log_in
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess

# One server and one user for the module: a call that fails leaves nothing behind.


@pytest.fixture(scope="module")
def phone(sandbox: SandboxProcess) -> Iterator[Phone]:
    with Phone(sandbox.phone.base_url, user="errors") as phone:
        yield phone


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("errors") / "base"


@pytest.fixture(scope="module")
def client(base: Path, phone: Phone) -> Iterator[Stdio]:
    with client_of(base, phone) as client:
        yield client


def hello(client: Stdio, phone: Phone) -> None:
    """Let the user write, so that the bot may answer."""
    phone.write("hello")
    client.call("recv", timeout=10)


def test_wrong_types(client: Stdio) -> None:
    words = client.fail("recv", timeout="soon")
    assert "`timeout` must be a number from 0 to 3600" in words
    assert '"soon"' in words
    assert "`limit` must be a whole number from 1 to 200" in client.fail("history", limit=201)
    assert "TEXT, IMAGE, VOICE, FILE, VIDEO" in client.fail("history", msg_type="GIF")
    assert "`to` is missing" in client.fail("send", text="hi")
    assert "`force` must be true or false" in client.fail("login", force="maybe")
    assert "ISO 8601" in client.fail("history", since="yesterday")
    assert client.call("history", since=1_700_000_000_000, msg_type="text")["total"] == 0


def test_names_that_are_nearly_right(client: Stdio, phone: Phone) -> None:
    hello(client, phone)
    me = phone.user_id()
    # Left out, these would change what is done.
    for tool, arguments, hint in (
        ("history", {"user_idd": "x"}, "did you mean `user_id`?"),
        ("history", {"user": "x"}, "did you mean `user_id`?"),
        ("send", {"to": me, "message": "hi"}, "its parameters are to, text, image_path"),
        ("send", {"to": me, "text": "hi", "file": "/x"}, "did you mean `file_path`?"),
        ("send", {"to": me, "text": "hi", "bot_id": "another@im.bot"}, "does not know `bot_id`"),
        ("send", {"to": me, "text": "hi", "session_name": "work"}, "know `session_name`"),
        ("recv", {"timeout_ms": 100}, "did you mean `timeout`?"),
        ("sessions", {"session_name": "x"}, "it has no parameters"),
    ):
        words = client.fail(tool, **arguments)
        assert f"{tool} was not carried out" in words
        assert hint in words
    assert phone.chat(author="bot") == []
    # What clients add of themselves does not.
    added = {"sessionId": "1", "action": "x", "toolCallId": "2", "random_string": "", "_x": None}
    assert client.call("sessions", **added)["sessions"]
    assert "there is no tool 'receive'" in client.fail("receive")
    assert "recv, send, download" in client.fail("receive")


def test_unknown_user(client: Stdio, phone: Phone) -> None:
    words = client.fail("send", to="nobody@im.wechat", text="hi")
    assert "nobody@im.wechat" in words
    assert "never wrote" in words
    hello(client, phone)
    assert phone.user_id() in client.fail("send", to="nobody@im.wechat", text="hi")


def test_files_that_cannot_be_sent(client: Stdio, phone: Phone, tmp_path: Path, base: Path) -> None:
    hello(client, phone)
    me = phone.user_id()
    missing = tmp_path / "没有 这个.png"
    for parameter in ("image_path", "file_path", "video_path", "voice_path"):
        words = client.fail("send", to=me, **{parameter: str(missing)})
        assert str(missing) in words
        words = client.fail("send", to=me, **{parameter: str(tmp_path)})
        assert "is a folder" in words
        words = client.fail("send", to=me, **{parameter: "https://example.com/a.png"})
        assert "'https://example.com/a.png' is a URL" in words
    assert str(Path.cwd()) in client.fail("send", to=me, file_path="not/here.txt")
    assert "cannot be read" in client.fail("send", to=me, file_path="~no-such-user/x")
    assert "view into" in client.fail("send", to=me, file_path="/proc/self/environ")
    assert "give `text`" in client.fail("send", to=me)
    assert "`to` is empty" in client.fail("send", to="", text="hi")
    own = base / "default" / "token.json"
    link = tmp_path / "holiday.txt"
    link.symlink_to(own)
    for path in (own, link, base / "weilink.db"):
        assert "never sent" in client.fail("send", to=me, file_path=str(path))
    assert "file_path" in client.fail("send", to=me, file_name="x.txt")
    assert phone.chat(author="bot") == []


@pytest.mark.slow
def test_a_text_beyond_all_limits(client: Stdio, phone: Phone) -> None:
    hello(client, phone)
    # 200 MB in one line, as JSON text.
    head = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 77,
            "method": "tools/call",
            "params": {"name": "send", "arguments": {"to": phone.user_id(), "text": "#"}},
        }
    ).encode()
    before, _, behind = head.partition(b"#")
    client.write(before + b"x" * 200_000_000 + behind)
    answer = client.wait(77, deadline=60)
    (text,) = answer["result"]["content"]
    assert answer["result"]["isError"] is True
    assert "200,000,000 characters" in text["text"]
    assert "file_path" in text["text"]
    assert client.call("sessions")["sessions"]


def test_long_values_are_not_repeated(client: Stdio) -> None:
    long = "x" * 100_000
    for tool, arguments in (
        ("send", {"to": long, "text": "hi"}),
        ("send", {"to": "a", "file_path": long}),
        ("download", {"message_id": long}),
        ("download", {"message_id": "1", "save_dir": long}),
        ("history", {"user_id": long}),
        ("history", {"since": long}),
        ("history", {"msg_type": long}),
        ("login", {"session_name": long}),
        ("logout", {"session_name": long}),
        ("rename_session", {"old_name": "a", "new_name": long}),
        ("set_default", {"session_name": long}),
        ("recv", {"timeout": long}),
        ("recv", {long: 1, "timeout": -1}),
        (long, {}),
    ):
        assert len(client.fail(tool, **arguments)) < 1_000, tool[:20]


def test_another_bot(client: Stdio, phone: Phone, base: Path) -> None:
    mine = client.call("sessions")["sessions"][0]["name"]
    other = Phone(phone.base_url, user=f"{phone.user}-other")
    with other:
        log_in(base, other, "second")
    for tool, arguments in (
        ("logout", {"session_name": "third"}),
        ("set_default", {"session_name": "third"}),
        ("rename_session", {"old_name": "third", "new_name": "x"}),
    ):
        words = client.fail(tool, **arguments)
        assert "'third'" in words
        assert words.endswith("The `login` tool of this server logs one in.")
        assert mine in words
        assert "second" in words
    assert "taken" in client.fail("rename_session", old_name="second", new_name=mine)
    for name in ("../x", "a/b", "", "run", "x" * 100):
        assert "cannot name" in client.fail("rename_session", old_name="second", new_name=name)
    assert client.call("history", bot_id="no-such-bot")["total"] == 0


def test_messages_that_hold_no_file(client: Stdio, phone: Phone, tmp_path: Path) -> None:
    message = phone.write("only text")
    client.call("recv", timeout=10)
    assert "no message '123'" in client.fail("download", message_id="123")
    words = client.fail("download", message_id=message.message_id)
    assert "holds no file" in words
    assert "absolute" in client.fail("download", message_id=message.message_id, save_dir="here")
    file = tmp_path / "a file"
    file.write_text("x")
    picture = phone.send_media("image", b"\x89PNG\r\n\x1a\n" + b"0" * 100)
    client.call("recv", timeout=10)
    words = client.fail("download", message_id=picture.message_id, save_dir=str(file))
    assert str(file) in words
