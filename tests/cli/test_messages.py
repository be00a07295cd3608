"""`send` and `recv` with nothing else running: each command takes part for a moment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fixtures import phone
from tests.support.server import Server
from weilink.sandbox.phone import Phone

__all__ = ["phone"]


def test_what_was_sent_queued_and_failed(phone: Phone, tmp_path: Path) -> None:
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    user, file = phone.user_id(), tmp_path / "报告 📎.txt"
    file.write_text("data")
    phone.write("hello")
    assert "hello" in shell.weilink("recv", "-t", "20").stdout

    done = shell.weilink("send", user, "--text", "one")
    assert (done.returncode, done.stdout) == (0, "sent: one\n")

    phone.lab.fault("answer", "*/getuploadurl", {"ret": 0, "upload_full_url": "https://10.0.0.1/"})
    done = shell.weilink("send", user, "--file", str(file), "--text", "two")
    sent, failed = done.stdout.splitlines()
    assert sent == "sent: two"
    assert failed.startswith(f"failed: [file: {file.name}]  (media is not fetched from")
    assert (done.returncode, "not sent: 1 of 2 parts" in done.stderr) == (1, True)

    phone.lab.expire_tokens()
    done = shell.weilink("send", user, "--text", "three", "--file", str(file))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split("  (")[0] for line in lines] == [
        "queued: three",
        f"queued: [file: {file.name}]",
    ]
    assert all("next message" in line for line in lines)
    status = shell.json("status")
    assert [(one["state"], one["text"]) for one in status["unsent"]] == [
        ("queued", f"[file: {file.name}]"),
        ("queued", "three"),
        ("failed", f"[file: {file.name}]"),
    ]


@pytest.mark.slow
def test_what_waited_for_the_message_that_recv_takes_goes_out(phone: Phone, tmp_path: Path) -> None:
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    file = tmp_path / "f.bin"
    file.write_bytes(bytes(3_000_000))
    phone.write("hello")
    shell.weilink("recv", "-t", "20")
    phone.lab.expire_tokens()
    shell.weilink("send", phone.user_id(), "--text", "one", "--file", str(file))
    shell.weilink("send", phone.user_id(), "--text", "two")
    assert phone.chat(author="bot") == []
    phone.write("again")
    done = shell.weilink("recv", "-t", "20")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("again\n")
    assert [one.text or one.kind for one in phone.chat(author="bot")] == ["one", "file", "two"]
    assert shell.json("status")["unsent"] == []
    # What the history shows is what download wants to know.
    for bot in ("default", phone.bot().bot_id):
        assert shell.weilink("history", "--bot", bot).stdout == shell.weilink("history").stdout
    assert shell.weilink("history", "--bot", "nobody").stdout == ""
    (line,) = shell.weilink("history", "--type", "file").stdout.splitlines()
    number = line.rpartition("(")[2].rstrip(")")
    done = shell.weilink("download", number, "-o", str(tmp_path / "in"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "in" / "f.bin").read_bytes() == file.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("full", [True, False])
def test_what_could_not_be_printed_was_not_read(phone: Phone, tmp_path: Path, full: bool) -> None:
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    phone.write("hello")
    recv = [sys.executable, "-m", "weilink", "recv", "-t", "20"]
    if full:
        with Path("/dev/full").open("w") as disk:
            done = subprocess.run(
                recv, env=shell.env, stdout=disk, stderr=-1, text=True, check=False
            )
        said = "weilink: nothing more can be written (No space left on device); make room"
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith(said)
    else:
        # A reader that has gone, as of `weilink recv | head`.
        with subprocess.Popen(recv, env=shell.env, stdout=-1, stderr=-1, text=True) as process:
            assert process.stdout and process.stderr
            process.stdout.close()
            assert (process.stderr.read(), process.wait()) == ("", 0)
    assert shell.weilink("recv", "-t", "0").stdout.endswith("hello\n")


@pytest.mark.slow
def test_what_is_quoted_is_shown(phone: Phone, tmp_path: Path) -> None:
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    user = phone.user_id()
    first = phone.write("shall we?\nreally? \x1b[31m" + "长" * 400)
    shell.weilink("recv", "-t", "20")
    shell.weilink("send", user, "--text", "delete everything?")
    (asked,) = phone.wait_for()
    picture = phone.send_media("image", b"\x89PNG\r\n\x1a\n" + bytes(50))
    item = {"type": 1, "text_item": {"text": "no"}}
    phone.write("yes", quote=asked.message_id, quote_style="id")
    phone.write("what is it?", quote=picture.message_id, quote_style="id")
    phone.write("this", quote=first.message_id, quote_style="partial", quote_part="really?")
    phone.write("all", quote=first.message_id, quote_style="inline")
    phone.write_items([{**item, "ref_msg": {"svr_id": str(2**64 - 1)}}])
    # What somebody writes looks neither like a quote nor like another message.
    phone.write(f"one\n  | you: two\n2026-11-23 00:00:00 <- {user}  three")
    done = shell.weilink("recv", "-t", "20")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition("@im.wechat  ")[2] or line for line in done.stdout.splitlines()] == [
        f"[picture]  ({picture.message_id})",
        "yes",
        "  | you: delete everything?",
        "what is it?",
        f"  | {user}: [picture]  ({picture.message_id})",
        "this",
        f"  | {user}: really?",
        "all",
        f"  | {user}: {('shall we? really? [U+001B][31m' + '长' * 400)[:299]}…",
        "no",
        "  | [a message that this computer never saw]",
        "one",
        "      | you: two",
        f"    2026-11-23 00:00:00 <- {user}  three".partition("@im.wechat  ")[2],
    ]
    # The same in the history, newest first.
    shown = shell.weilink("history", "--text", "yes").stdout
    assert shown.endswith("yes\n  | you: delete everything?\n")
    (asks,) = shell.json("history", "--text", "what is it")["messages"]
    assert asks["ref_msg"]["msg_type"] == "IMAGE"
    done = shell.weilink("download", asks["ref_msg"]["message_id"], "-o", str(tmp_path))
    assert Path(done.stdout.strip()).read_bytes() == phone.content(picture)
    shown = shell.weilink("history", env={"WEILINK_LANG": "zh"}).stdout
    assert "  | [这台电脑没有见过的消息]\n" in shown
    assert "  | 你: delete everything?\n" in shown


def test_whatever_the_encoding_of_the_output(phone: Phone, tmp_path: Path) -> None:
    """As on Windows, where a file that output goes to has the encoding of the country."""
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    phone.write("你好 😀")
    done = shell.weilink("recv", "-t", "20", env={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\\u4f60\\u597d \\U0001f600\n")
    done = shell.weilink("history", "--json", env={"PYTHONIOENCODING": "latin-1"})
    assert json.loads(done.stdout)["messages"][0]["text"] == "你好 😀"


@pytest.mark.slow
def test_recv_says_what_is_left_and_why_nothing_comes(phone: Phone, tmp_path: Path) -> None:
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    phone.lab.set_options(batch_size=100)
    phone.write_all([str(n) for n in range(52)])
    done = shell.weilink("recv", "-t", "20")
    assert len(done.stdout.splitlines()) == 50
    assert done.stderr == "2 more wait: run it again.\n"
    assert shell.weilink("recv", "-t", "20").stderr == ""
    phone.lab.make_stale()
    done = shell.weilink("recv", "-t", "2")
    assert (done.returncode, done.stdout) == (0, "")
    cure = "its login is no longer valid: run 'weilink login default --force'"
    assert done.stderr.endswith(f"No new messages.\nBot 'default': {cure}\n")
    assert shell.json("recv", "-t", "0")["problems"] == [f"Bot 'default': {cure}"]


@pytest.mark.slow
def test_the_history_of_a_day(phone: Phone, tmp_path: Path) -> None:
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    wrote = phone.write("today")
    shown = shell.weilink("recv", "-t", "20").stdout
    day, second = shown.split()[:2]
    for since, until in ((day, day), (f"{day}T{second}", f"{day}T{second}")):
        found = shell.json("history", "--since", since, "--until", until)
        assert [one["message_id"] for one in found["messages"]] == [wrote.message_id]


def test_a_time_that_no_calendar_has(phone: Phone, tmp_path: Path) -> None:
    """It would end every command, and every hook, that shows the message."""
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    item = {"type": 1, "text_item": {"text": "odd"}}
    wire = {"message_id": 9, "from_user_id": phone.user_id(), "item_list": [item]}
    messages = [{**wire, "create_time_ms": 10**18}]
    phone.lab.fault("answer", "*/getupdates", {"ret": 0, "msgs": messages})
    done = shell.weilink("recv", "-t", "20")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("odd\n")
    assert shell.weilink("history").stdout == done.stdout
    (shown,) = shell.json("history", "--since", "2020-01-01", "--until", "2100-01-01")["messages"]
    assert shown["text"] == "odd"
