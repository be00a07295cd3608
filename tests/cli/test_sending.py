"""What `weilink send` and `weilink status` tell people, in their language, and programs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures import phone
from tests.support.server import Server
from weilink.sandbox.phone import Phone

__all__ = ["phone"]

ZH = {"WEILINK_LANG": "zh"}


@pytest.fixture
def shell(phone: Phone, tmp_path: Path) -> Server:
    """Nothing runs but the commands; the phone's user can be answered."""
    shell = Server.logged_in(tmp_path / "base", phone, start=False)
    phone.write("hello")
    assert "hello" in shell.weilink("recv", "-t", "20").stdout
    return shell


@pytest.mark.parametrize(
    ("fault", "chinese", "english"),
    [
        (
            ("answer", "*/sendmessage", {"ret": -2}),
            "微信现在不再接受回复；对方再次发消息时会发出",
            "WeChat takes no more replies now; it goes out with the user's next message",
        ),
        (
            ("answer", "*/sendmessage", {"ret": -14}),
            "机器人 default：登录已失效：请运行 weilink login default --force",
            "bot default: its login is no longer valid: run 'weilink login default --force'",
        ),
        (
            ("answer", "*/sendmessage", {"ret": -1, "errmsg": "系统繁忙"}),
            "iLink 拒绝了 sendmessage：系统繁忙（-1）；会再次尝试",
            "iLink refused sendmessage: 系统繁忙 (-1); it will be tried again",
        ),
        (
            ("answer", "*/sendmessage", {"ret": -3}),
            "iLink 拒绝了 sendmessage：没有说明原因（-3）；会再次尝试",
            "iLink refused sendmessage: no reason given (-3); it will be tried again",
        ),
        (
            ("bad_json", "*/sendmessage", None),
            "sendmessage：服务的回应不是 JSON 对象；会再次尝试",
            "sendmessage: the service did not answer with a JSON object; it will be tried again",
        ),
        (
            ("drop", "*/sendmessage", None),
            "sendmessage：HOST 没有回应（Server disconnected without sending a response.）；"
            "会再次尝试",
            "sendmessage: no answer from HOST (Server disconnected without sending a response.); "
            "it will be tried again",
        ),
        (
            ("answer", "*/getuploadurl", {"ret": 0}),
            "getuploadurl：回应没有说明上传到哪里；会再次尝试",
            "getuploadurl: the answer does not say where to upload to; it will be tried again",
        ),
        (
            ("status", "/c2c/upload", 400),
            "上传：媒体服务拒绝了（HTTP 400）；会再次尝试",
            "upload: the media service refused (HTTP 400); it will be tried again",
        ),
        (
            ("answer", "*/getuploadurl", {"ret": 0, "upload_full_url": "https://10.0.0.1/"}),
            "不从 https://10.0.0.1 存取文件：它不是微信的主机",
            "media is not fetched from https://10.0.0.1: it is no host of WeChat",
        ),
    ],
)
@pytest.mark.slow
def test_people_read_why_in_their_language_and_programs_in_english(
    shell: Server,
    phone: Phone,
    tmp_path: Path,
    fault: tuple[Any, str, Any],
    chinese: str,
    english: str,
) -> None:
    file = tmp_path / "f.txt"
    file.write_text("data")
    what = ("--text", "one") if "sendmessage" in fault[1] else ("--file", str(file))
    phone.lab.fault(*fault, times=None)

    def same(text: str) -> str:
        # A connection that breaks off is told of in one of two ways.
        text = text.replace("ReadError", "Server disconnected without sending a response.")
        return text.replace(phone.base_url.partition("://")[2], "HOST")

    done = shell.weilink("send", phone.user_id(), *what, env=ZH)
    state, _, why = done.stdout.partition("  (")
    name = "one" if what[1] == "one" else f"[file: {file.name}]"
    failed = "10.0.0.1" in english
    assert state == ("失败" if failed else "已排队") + f": {name}"
    assert done.returncode == (1 if failed else 0)
    end = r"\)\n" if failed else r"；\d{4}-\d\d-\d\d \d\d:\d\d 放弃\)\n"
    why = same(why)
    assert re.fullmatch(re.escape(chinese) + end, why), why
    status = shell.weilink("status", env=ZH).stdout
    assert chinese in same(status)
    assert not re.search(r"\b(queued|failed|login is|given up|tried again)\b", status)
    (part,) = json.loads(shell.weilink("status", "--json", env=ZH).stdout)["unsent"]
    assert same(part["reason"]) == english
    if not failed:
        done = shell.weilink("send", phone.user_id(), "--text", "two", "--json", env=ZH)
        (part,) = json.loads(done.stdout)["parts"]
        assert part["state"] in ("queued", "sent")
        assert not re.search("[一-鿿]", part["reason"].replace("系统繁忙", ""))


@pytest.mark.slow
def test_until_when_a_part_waits(shell: Server, phone: Phone) -> None:
    phone.lab.expire_tokens()
    user = phone.user_id()
    (part,) = shell.json("send", user, "--text", "one")["parts"]
    assert (part["state"], "next message" in part["reason"]) == ("queued", True)
    left = datetime.fromisoformat(part["until"]) - datetime.now(timezone.utc)
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)
    (unsent,) = shell.json("status")["unsent"]
    assert abs(unsent["given_up_at"] / 1000 - datetime.fromisoformat(part["until"]).timestamp()) < 1
    day = f"{datetime.fromisoformat(part['until']).astimezone():%Y-%m-%d %H:%M}"
    assert f"; given up on {day})" in shell.weilink("status").stdout
    # Nobody is there to send it, even when the user writes.
    done = shell.weilink("send", user, "--text", "two")
    assert "; given up on 20" in done.stdout
    assert "Nothing runs that would send what is queued" in done.stderr
    shell.start()
    shell.wait_ready()
    done = shell.weilink("send", user, "--text", "three")
    assert done.stdout.startswith("queued: three  (")
    assert "Nothing runs" not in done.stderr
    shell.close()
    phone.write("again")
    shell.weilink("recv", "-t", "20")
    (part,) = shell.json("send", user, "--text", "four")["parts"]
    assert part == {"part": "four", "state": "sent", "reason": "", "until": ""}


def test_what_is_sent_cannot_pass_for_another_line(shell: Server, phone: Phone) -> None:
    done = shell.weilink("send", phone.user_id(), "--text", "a\nfailed: b\x1b[2J\u202e")
    assert done.stdout == "sent: a failed: b[U+001B][2J[U+202E]\n"
    (message,) = phone.wait_for(author="bot")
    assert message.text == "a\nfailed: b\x1b[2J\u202e"


@pytest.mark.parametrize(
    ("arguments", "chinese"),
    [
        (("--text", " "), "没有要发送的内容：文字是空的"),
        (("--file", ""), "--file 是空的：请给出文件的路径"),
        (("--file", "/nowhere/f"), "无法读取“/nowhere/f”（文件不存在）；请给出存在的绝对路径"),
        (("--image", "/etc"), "“/etc”是文件夹；请先打包，或给出其中一个文件的路径"),
        (
            ("--image", "/etc/hostname"),
            "“/etc/hostname”不是图片（内容是 text/plain）；请作为文件发送",
        ),
    ],
)
@pytest.mark.slow
def test_mistakes_are_told_in_chinese(
    shell: Server, phone: Phone, arguments: tuple[str, str], chinese: str
) -> None:
    done = shell.weilink("send", phone.user_id(), *arguments, env=ZH)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"weilink: {chinese}\n")


@pytest.mark.slow
def test_recv_sends_what_paused_after_an_error(shell: Server, phone: Phone) -> None:
    """Nothing else runs: what pauses when `recv` ends would wait for nobody."""
    phone.lab.fault("status", "*/sendmessage", 503, times=None)
    for text in ("one", "two", "three"):
        assert shell.weilink("send", phone.user_id(), "--text", text).stdout.startswith("queued")
    phone.lab.clear_faults()
    phone.write("are you there?")
    assert shell.weilink("recv", "-t", "20").returncode == 0
    assert [one.text for one in phone.chat(author="bot")] == ["one", "two", "three"]
    assert shell.json("status")["outbox"]["queued"] == 0


@pytest.mark.slow
def test_ctrl_c_takes_back_what_has_not_gone_out(
    shell: Server, phone: Phone, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.txt"
    file.write_text("not for you")
    phone.lab.clear_journal()
    phone.lab.fault("delay", "/c2c/upload", 30, times=None)
    command = [sys.executable, "-m", "weilink", "send", phone.user_id(), "--file", str(file)]
    with subprocess.Popen(command, env=shell.env, stderr=subprocess.PIPE, text=True) as sending:
        phone.wait_until(lambda _: phone.lab.requests("*/getuploadurl"), 20)
        os.kill(sending.pid, signal.SIGINT)
        _, said = sending.communicate(timeout=20)
    assert (sending.returncode, said.strip()) == (1, "Stopped.")
    phone.lab.clear_faults()
    (part,) = shell.json("status")["unsent"]
    assert (part["state"], part["reason"]) == ("failed", "the sending was cancelled")
    assert list((shell.base / "outbox").iterdir()) == []
    phone.write("and?")
    shell.weilink("recv", "-t", "20")
    assert phone.chat(author="bot") == []


@pytest.mark.slow
def test_why_it_waits_is_true_before_and_after_a_new_login(shell: Server, phone: Phone) -> None:
    user = phone.user_id()
    phone.lab.expire_tokens()
    closed = "WeChat takes no more replies now; it goes out with the user's next message"
    (one,) = shell.json("send", user, "--text", "one")["parts"]
    assert one["reason"] == closed
    # Their next message would not come in: to wait for it is not enough.
    phone.lab.make_stale()
    shell.weilink("recv", "-t", "1")
    (two,) = shell.json("send", user, "--text", "two")["parts"]
    stale = "bot default: its login is no longer valid: run 'weilink login default --force'"
    assert (two["state"], two["reason"]) == ("queued", stale)
    command = [sys.executable, "-m", "weilink", "login", "--force"]
    with subprocess.Popen(command, env=shell.env, stdout=subprocess.DEVNULL) as login:
        phone.log_in()
        assert login.wait(20) == 0
    status = shell.json("status")
    assert {one["reason"] for one in status["unsent"]} == {
        "its bot was logged in anew; it goes out when the user writes to the new one"
    }
    # The window of the bot that is gone answers nobody.
    assert status["reply_windows"] == []
    phone.write("I am back")
    shell.weilink("recv", "-t", "20")
    assert [one.text for one in phone.chat(author="bot")] == ["one", "two"]
    (window,) = shell.json("status")["reply_windows"]
    assert window["replies_left"] == 8
