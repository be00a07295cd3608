from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from weilink import WeiLink
from weilink.errors import UsageError, WeiLinkError
from weilink.ilink.login import LoginState
from weilink.sandbox.link import PhoneError
from weilink.sandbox.phone import Phone
from weilink.settings import Settings

pytestmark = pytest.mark.anyio


async def test_the_whole_of_it(settings: Settings, phone: Phone, tmp_path: Path) -> None:
    given = settings.model_dump(include={"ilink_base_url", "cdn_base_url"})
    async with WeiLink(settings.base_path, **given) as wechat:
        login = await wechat.login("mine")
        await login.start()
        await anyio.to_thread.run_sync(phone.log_in)
        while await login.poll() is not LoginState.CONFIRMED:
            pass
        await wechat.complete(login, "mine")
        assert [s.name for s in wechat.sessions()] == ["mine"]

        phone.write("one")
        phone.write("two")
        seen = []
        async for message in wechat.messages():
            seen.append(message.text)
            (tmp_path / "f.txt").write_text(message.text)
            result = await wechat.send(message.user_id, "got it", file=tmp_path / "f.txt")
            assert [part.state.value for part in result.parts] == ["sent", "sent"]
            if len(seen) == 2:
                break
        assert seen == ["one", "two"]
        assert (await wechat.history(text_contains="GOT")).total == 2
        assert (await wechat.history(direction="received", msg_type="text")).total == 2
        ends: dict[str, Any] = {"since": datetime.min, "until": datetime.max}  # noqa: DTZ901  (the worst there is)
        assert (await wechat.history(**ends)).total == 6
        assert (await wechat.history(limit=2**70, offset=1, text_contains="got")).total == 2
        wrong: list[dict[str, Any]] = [{"limit": 0}, {"offset": -1}, {"direction": "sideways"}]
        for filters in wrong:
            with pytest.raises(UsageError, match=next(iter(filters))):
                await wechat.history(**filters)

        # The second was broken off, so it was not read.
        async with wechat.receive(10) as messages:
            assert [message.text for message in messages] == ["two"]
        sent = phone.send_media("file", b"data", file_name="x.txt")
        with pytest.raises(ZeroDivisionError):
            async with wechat.receive(10) as messages:
                raise ZeroDivisionError
        async with wechat.receive(10) as messages:
            assert [message.message_id for message in messages] == [sent.message_id]
            got = await wechat.download(messages[0], tmp_path)
            assert got.path.read_bytes() == b"data"
        async with wechat.receive(0) as messages:
            assert messages == []
        await wechat.logout()
        assert wechat.sessions() == []
    with pytest.raises(WeiLinkError, match="async with"):
        wechat.sessions()


async def test_a_name_without_a_file(settings: Settings) -> None:
    async with WeiLink(settings.base_path) as wechat:
        with pytest.raises(UsageError, match="'file_name' goes with 'file'"):
            await wechat.send("alice@im.wechat", "here it is", file_name="report.pdf")


def test_importing_weilink_is_light() -> None:
    code = "import sys, weilink; print(len([m for m in sys.modules if m.startswith('weilink')]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def examples() -> list[str]:
    page = (Path(__file__).parents[2] / "docs" / "library.md").read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def test_the_examples_of_the_page_are_python() -> None:
    assert len(examples()) == 3
    for block in examples():
        compile(block, "docs/library.md", "exec")


async def test_the_example_of_a_login(
    settings: Settings,
    phone: Phone,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = settings.model_dump(include={"ilink_base_url", "cdn_base_url"})
    example: dict[str, Any] = {}
    exec(examples()[-1], example)

    def confirm(who: Phone) -> None:
        # There is nothing to confirm when the account is bound already.
        with contextlib.suppress(PhoneError):
            who.log_in()

    async def log_in(who: Phone, name: str = "") -> str:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: anyio.to_thread.run_sync(confirm, who))
            await example["log_in"](wechat, name)
        return capsys.readouterr().out.splitlines()[-1]

    async with WeiLink(settings.base_path, **given) as wechat:
        assert await log_in(phone) == f"default is {phone.bot().bot_id}"
        # The account asks for a second bot, and gets to know of the first.
        assert await log_in(phone, "second") == "logged in here already: default"
        # WeChat has ended its login: a new one.
        first = phone.bot().bot_id
        phone.lab.make_stale()
        while not (await wechat.service.store.bots.get(first)).problem:
            with anyio.move_on_after(0.2):
                await wechat.service.changes.next.wait()
        again = await log_in(phone)
        assert again == f"default is {phone.bot().bot_id}" != f"default is {first}"
        # Another account under the same name.
        with Phone(phone.base_url, user=f"{phone.user}-other") as other:
            assert await log_in(other) == f"default-2 is {other.bot().bot_id}"
        assert [bot.name for bot in wechat.sessions()] == ["default", "default-2"]
        # Nobody scans it, whatever is asked for.
        monkeypatch.setattr("weilink.ilink.login.LIFETIME", 0.0)
        with pytest.raises(SystemExit, match="nobody scanned it"):
            await example["log_in"](wechat)
