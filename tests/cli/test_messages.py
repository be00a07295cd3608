"""`send` and `recv` with nothing else running: each command takes part for a moment."""

from __future__ import annotations

from pathlib import Path

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
    (line,) = shell.weilink("history", "--type", "file").stdout.splitlines()
    number = line.rpartition("(")[2].rstrip(")")
    done = shell.weilink("download", number, "-o", str(tmp_path / "in"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "in" / "f.bin").read_bytes() == file.read_bytes()
