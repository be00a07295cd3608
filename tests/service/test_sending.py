from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.service.conftest import leading, log_in, stored, written
from weilink.errors import UsageError
from weilink.sandbox.phone import Phone
from weilink.service import Service, open_service
from weilink.service.parts import FilePart, TextPart
from weilink.service.sending import Sender
from weilink.service.spool import Spool
from weilink.settings import Settings
from weilink.store import clock
from weilink.store.models import Part, PartState

pytestmark = pytest.mark.anyio


async def settled(service: Service, row: int, state: PartState) -> Part:
    with anyio.fail_after(10):
        while True:
            changed = service.changes.next
            (part,) = await service.store.outbox.get([row])
            if part.state is state:
                return part
            with anyio.move_on_after(0.2):
                await changed.wait()


async def test_the_eleventh_reply_waits_for_the_user(service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone)
        states = []
        for n in range(12):
            result = await service.sender.send_text(phone.user_id(), f"reply {n}")
            states.append(result.parts[0].state.value)
        assert states == ["sent"] * 10 + ["queued"] * 2
        assert result.replies_left == 0
        assert "next message" in result.parts[0].reason
        await written(service, phone, "go on")
        seen = await anyio.to_thread.run_sync(lambda: phone.wait_for(count=12))
    assert [one.text for one in seen] == [f"reply {n}" for n in range(12)]


@pytest.mark.parametrize("cause", ["expired", "fewer replies", "unknown token", "vanishing"])
async def test_refused_by_the_service(service: Service, phone: Phone, cause: str) -> None:
    """`ret` -2 does not say why: the part waits, then goes out once with the next message."""
    async with leading(service):
        if cause == "fewer replies":
            phone.lab.set_options(replies_per_token=1)
        await written(service, phone)
        await service.sender.send_text(phone.user_id(), "first")
        if cause == "expired":
            phone.lab.expire_tokens()
        elif cause == "vanishing":
            phone.lab.set_options(silent_when_expired=True)
            phone.lab.expire_tokens()
        elif cause == "unknown token":
            phone.lab.fault("answer", "*/sendmessage", {"ret": -2})
        result = await service.sender.send_text(phone.user_id(), "second")
        assert [p.state.value for p in result.parts] == ["queued"]
        assert (result.parts[0].reason, result.replies_left) != ("", 10)
        await written(service, phone, "again")
        await anyio.to_thread.run_sync(lambda: phone.wait_for("second"))
        await settled(service, result.parts[0].row, PartState.SENT)
    assert [one.text for one in phone.chat(author="bot")] == ["first", "second"]


async def test_given_up_after_refusals_on_many_tokens(service: Service, phone: Phone) -> None:
    phone.lab.fault("answer", "*/sendmessage", {"ret": -2, "errmsg": "no"}, times=4)
    async with leading(service):
        await written(service, phone)
        result = await service.sender.send_text(phone.user_id(), "poison")
        await service.sender.send_text(phone.user_id(), "after it")
        for n in range(3):
            await written(service, phone, f"more {n}")
            await anyio.to_thread.run_sync(
                lambda n=n: phone.wait_for(author="user", text=f"more {n}", acknowledged=True)  # type: ignore[misc]
            )
            with anyio.fail_after(10):
                while (await service.store.outbox.get([result.parts[0].row]))[0].refusals < n + 2:
                    (part,) = await service.store.outbox.get([result.parts[0].row])
                    if part.state is PartState.FAILED:
                        break
                    with anyio.move_on_after(0.1):
                        await service.changes.next.wait()
        part = await settled(service, result.parts[0].row, PartState.FAILED)
        assert "no (-2)" in part.reason
        await anyio.to_thread.run_sync(lambda: phone.wait_for("after it"))
    assert [one.text for one in phone.chat(author="bot")] == ["after it"]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_service_that_is_down_fails_nothing(
    service: Service, phone: Phone, status: int
) -> None:
    async with leading(service):
        await written(service, phone)
    phone.lab.fault("status", "*/sendmessage", status, times=None)
    # Each sending tries what waits ahead again: more often than what is refused for good.
    for n in range(6):
        await service.sender.send_text(phone.user_id(), f"{n}")
    waiting = await service.store.outbox.unsettled()
    assert [part.state for part in waiting] == [PartState.QUEUED] * 6
    assert f"HTTP {status}" in waiting[0].reason
    phone.lab.clear_faults()
    result = await service.sender.send_text(phone.user_id(), "6")
    assert result.parts[0].state is PartState.SENT
    assert [one.text for one in phone.chat(author="bot")] == [f"{n}" for n in range(7)]


async def test_lost_answers_do_not_double(service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone)
        phone.lab.fault("lost_answer", "*/sendmessage")
        result = await service.sender.send_text(phone.user_id(), "once")
        assert [p.state.value for p in result.parts] == ["sent"]
        assert result.replies_left == 9
        phone.lab.fault("lost_answer", "*/sendmessage", times=2)
        result = await service.sender.send_text(phone.user_id(), "later")
        assert [p.state.value for p in result.parts] == ["queued"]
        await settled(service, result.parts[0].row, PartState.SENT)
    assert [one.text for one in phone.chat(author="bot")] == ["once", "later"]


@pytest.mark.parametrize(("endpoint", "skip"), [("getuploadurl", 0), ("sendmessage", 1)])
async def test_login_lost_in_the_middle_of_an_upload(
    service: Service, phone: Phone, tmp_path: Path, endpoint: str, skip: int
) -> None:
    """-14 keeps the file; the new login is another bot, and it goes out through that one."""
    (tmp_path / "f.bin").write_bytes(b"f" * 300_000)
    async with leading(service):
        await written(service, phone)
        old = phone.bot().bot_id
        phone.lab.fault("answer", f"*/{endpoint}", {"ret": -14, "errcode": -14}, skip=skip)
        result = await service.sender.send(
            phone.user_id(), [TextPart("see the file"), FilePart(tmp_path / "f.bin")]
        )
        assert [p.state.value for p in result.parts] == ["sent", "queued"]
        assert "weilink login" in result.parts[1].reason
        assert (await service.store.bots.get(old)).problem
        phone.lab.make_stale()
        await log_in(service, phone)
        new = phone.bot().bot_id
        assert new != old
        assert [s.bot_id for s in service.logins.sessions()] == [new]
        await anyio.to_thread.run_sync(phone.write, "hello, new bot")
        (seen,) = await anyio.to_thread.run_sync(lambda: phone.wait_for(kind="file"))
    assert seen.bot_id == new
    assert phone.content(seen) == b"f" * 300_000


async def test_a_long_answer_goes_as_a_file_when_replies_are_short(
    service: Service, phone: Phone
) -> None:
    text = "\n\n".join(f"{n} " + "长" * 3000 for n in range(4))
    async with leading(service):
        await written(service, phone)
        result = await service.sender.send_text(phone.user_id(), text)
        assert [p.msg_type for p in result.parts] == ["TEXT"] * 4
        for n in range(3):
            await service.sender.send_text(phone.user_id(), f"{n}")
        result = await service.sender.send_text(phone.user_id(), text)
        assert [(p.msg_type, p.state.value) for p in result.parts] == [("FILE", "sent")]
        (seen,) = await anyio.to_thread.run_sync(lambda: phone.wait_for(kind="file"))
        found = await service.store.history.get(seen.message_id)
    assert phone.content(seen).decode() == text
    assert seen.file_name == "message.md"
    assert found is not None
    assert "3 长长" in found.text


async def test_what_waits_ahead_leaves_less_room_for_a_long_answer(
    service: Service, phone: Phone
) -> None:
    text = "\n\n".join(f"{n} " + "长" * 3000 for n in range(4))
    async with leading(service):
        await written(service, phone)
        phone.lab.expire_tokens()
        for n in range(7):
            await service.sender.send_text(phone.user_id(), f"{n}")
        result = await service.sender.send_text(phone.user_id(), text)
        assert [(p.msg_type, p.state.value) for p in result.parts] == [("FILE", "queued")]
        await written(service, phone)
        (seen,) = await anyio.to_thread.run_sync(lambda: phone.wait_for(kind="file"))
    assert phone.content(seen).decode() == text


@pytest.mark.slow
async def test_megabytes_of_text_hold_nothing_up(
    service: Service, phone: Phone, settings: Settings
) -> None:
    text = "a word and 一个词\n" * 600_000
    async with leading(service):
        await written(service, phone)
        began = time.process_time()
        result = await service.sender.send_text(phone.user_id(), text)
        assert [(p.msg_type, p.state.value) for p in result.parts] == [("FILE", "sent")]
    # Cutting them took minutes, in which nothing else went on.
    assert time.process_time() - began < 10
    (seen,) = await anyio.to_thread.run_sync(lambda: phone.wait_for(kind="file"))
    assert phone.content(seen).decode() == text
    small = settings.model_copy(update={"media_limit_mib": 1})
    async with open_service(small) as other:
        with pytest.raises(UsageError, match=r"\[file: message.md\] has more than 1 MiB"):
            await other.sender.send_text(phone.user_id(), text)
    assert list((settings.base_path / "outbox").iterdir()) == []


async def test_a_file_that_grows_while_it_is_read_keeps_to_the_limit(
    settings: Settings,
    service: Service,
    phone: Phone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "service.log"
    log.write_bytes(bytes(2**20 - 10))
    small = settings.model_copy(update={"media_limit_mib": 1})
    async with leading(service):
        await written(service, phone)
    take = Spool.take

    def growing(*arguments: Any) -> Any:
        with log.open("ab") as more:
            more.write(bytes(100))
        return take(*arguments)

    monkeypatch.setattr(Spool, "take", growing)
    async with open_service(small) as other:
        with pytest.raises(UsageError, match=r"\[file: service.log\] has more than 1 MiB"):
            await other.sender.send(phone.user_id(), [FilePart(log)])
    assert list((settings.base_path / "outbox").iterdir()) == []


async def test_no_part_is_over_the_byte_limit(service: Service, phone: Phone) -> None:
    """Four bytes each: 4,000 characters are 16,000 bytes, and the service takes 16,384."""
    text = "😀" * 9000
    phone.lab.clear_journal()
    async with leading(service):
        await written(service, phone)
        result = await service.sender.send_text(phone.user_id(), text)
    assert [part.state for part in result.parts] == [PartState.SENT] * 3
    assert "".join(one.text for one in phone.chat(author="bot")) == text
    assert phone.lab.refusals() == []


async def test_old_parts_expire_visibly(
    service: Service, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"f")
    async with leading(service):
        await written(service, phone)
    phone.lab.expire_tokens()
    result = await service.sender.send(phone.user_id(), [TextPart("old"), FilePart(tmp_path / "f")])
    assert [p.state.value for p in result.parts] == ["queued", "queued"]
    later = clock.now_ms() + 4 * 24 * 3600 * 1000
    monkeypatch.setattr("weilink.store.outbox.now_ms", lambda: later)
    async with leading(service):
        for part in result.parts:
            failed = await settled(service, part.row, PartState.FAILED)
            assert "three days" in failed.reason
    assert not list((service.store.base_path / "outbox").iterdir())
    assert [p.state for p in await service.store.outbox.unsettled()] == [PartState.FAILED] * 2


async def test_what_is_too_old_does_not_go_out_with_what_is_new(
    service: Service, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with leading(service):
        await written(service, phone)
    # Nobody leads, and the service is down: it stays behind.
    phone.lab.fault("status", "*/sendmessage", 503, times=2)
    (old,) = (await service.sender.send_text(phone.user_id(), "old")).parts
    assert old.state is PartState.QUEUED
    phone.lab.clear_faults()
    later = clock.now_ms() + 4 * 24 * 3600 * 1000
    monkeypatch.setattr("weilink.store.outbox.now_ms", lambda: later)
    (new,) = (await service.sender.send_text(phone.user_id(), "new")).parts
    assert new.state is PartState.SENT
    assert [one.text for one in phone.chat(author="bot")] == ["new"]
    (failed,) = await service.store.outbox.get([old.row])
    assert (failed.state, "three days" in failed.reason) == (PartState.FAILED, True)


async def test_clock_set_back(
    service: Service, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases and pauses of another time hold nothing up, and the newest window stays newest."""
    async with leading(service):
        await written(service, phone)
    now = clock.now_ms()
    year = 365 * 24 * 3600 * 1000
    monkeypatch.setattr("weilink.store.outbox.now_ms", lambda: now + year)
    rows = await service.store.outbox.add(
        service.logins.sessions()[0].bot_id, phone.user_id(), [_text("under way"), _text("next")]
    )
    taken = await service.store.outbox.next(phone.bot().bot_id, phone.user_id(), 15_000)
    assert taken is not None
    monkeypatch.setattr("weilink.store.outbox.now_ms", lambda: now)
    async with leading(service):
        for row in rows:
            await settled(service, row, PartState.SENT)


def _text(text: str):  # type: ignore[no-untyped-def]
    from weilink.service.parts import text_item
    from weilink.store.models import NewPart

    return NewPart(text, text_item(text), text)


async def test_two_processes_send_at_once(
    settings: Settings, service: Service, phone: Phone
) -> None:
    async with leading(service), open_service(settings) as other:
        await written(service, phone)
        states: list[str] = []

        async def send(sender: Service, name: str) -> None:
            for n in range(3):
                result = await sender.sender.send_text(phone.user_id(), f"{name}-{n}")
                states.append(result.parts[0].state.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other.changes.run)
            async with anyio.create_task_group() as senders:
                for name in "abc":
                    senders.start_soon(send, service if name == "a" else other, name)
            tasks.cancel_scope.cancel()
    seen = [one.text for one in phone.chat(author="bot")]
    assert states == ["sent"] * 9
    assert sorted(seen) == sorted(f"{name}-{n}" for name in "abc" for n in range(3))
    for name in "abc":
        assert [t for t in seen if t.startswith(name)] == [f"{name}-{n}" for n in range(3)]


async def test_a_caller_that_gives_up_loses_nothing(service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone)
        phone.lab.fault("delay", "*/sendmessage", 1.0)
        with anyio.move_on_after(0.3) as scope:
            await service.sender.send_text(phone.user_id(), "impatient")
        assert scope.cancelled_caught
        await anyio.to_thread.run_sync(lambda: phone.wait_for("impatient"))
    assert [one.text for one in phone.chat(author="bot")] == ["impatient"]


async def test_freshest_bot_is_chosen(service: Service, phone: Phone) -> None:
    """One user and two bots: the one that the user wrote to last answers, whatever the clock."""
    async with leading(service):
        first = phone.bot().bot_id
        await written(service, phone)
        mine = service.logins.sessions()[0]
        with Phone(phone.base_url, user=f"{phone.user}-2") as second:
            await log_in(service, second, "second")
            message = second.write("to the second", user=second.user)
            await stored(service, message.message_id)
            message = phone.write("to the other's bot", bot=second.bot().bot_id)
            await stored(service, message.message_id)
            result = await service.sender.send_text(phone.user_id(), "hi")
            assert result.bot.bot_id == second.bot().bot_id != first
        message = phone.write("back", bot=mine.bot_id)
        await stored(service, message.message_id)
        result = await service.sender.send_text(phone.user_id(), "hi")
        assert result.bot.bot_id == first


@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
async def test_a_damaged_spool_fails_that_part_only(
    settings: Settings, service: Service, phone: Phone, tmp_path: Path, damage: str
) -> None:
    """A power cut may leave the file of a queued part damaged: it is not sent as it is."""
    (tmp_path / "f").write_bytes(b"f" * 5000)
    async with leading(service):
        await written(service, phone)
        for n in range(10):
            await service.sender.send_text(phone.user_id(), f"{n}")
    result = await service.sender.send(phone.user_id(), [FilePart(tmp_path / "f"), TextPart("t")])
    assert [p.state.value for p in result.parts] == ["queued", "queued"]
    spooled = service.store.base_path / "outbox" / result.parts[0].client_id
    data = spooled.read_bytes()
    if damage == "gone":
        spooled.unlink()
    else:
        spooled.write_bytes(data[:-16] if damage == "cut" else data[:16] + bytes(16) + data[32:])
    async with open_service(settings) as other, leading(other):
        await anyio.to_thread.run_sync(phone.write, "again")
        part = await settled(other, result.parts[0].row, PartState.FAILED)
        assert "outbox" in part.reason
        await settled(other, result.parts[1].row, PartState.SENT)
    assert [one.kind for one in phone.chat(author="bot")] == ["text"] * 11


@pytest.mark.slow
async def test_what_its_caller_takes_back_is_sent_by_nobody_else(
    settings: Settings, service: Service, phone: Phone, tmp_path: Path
) -> None:
    """Others wait for their turn in the same conversation while a file is on its way."""
    async with leading(service):
        await written(service, phone)
    file = tmp_path / "file.bin"
    file.write_bytes(bytes(100_000))
    user, (bot,) = phone.user_id(), service.logins.sessions()
    for n in range(6):
        phone.lab.fault("delay", "*/upload", 30.0)
        async with open_service(settings) as other, anyio.create_task_group() as tasks:

            async def take_turns(sender: Sender = other.sender) -> None:
                while True:
                    await sender.flush(bot, user)

            async with anyio.create_task_group() as sending:
                sending.start_soon(service.sender.send, user, [FilePart(file)], None, lambda: False)
                while PartState.SENDING not in await service.store.outbox.counts():
                    changed = service.changes.next
                    with anyio.move_on_after(0.01):
                        await changed.wait()
                tasks.start_soon(take_turns)
                tasks.start_soon(take_turns)
                sending.cancel_scope.cancel()
            result = await service.sender.send_text(user, f"text {n}")
            assert result.parts[0].state is PartState.SENT
            tasks.cancel_scope.cancel()
        phone.lab.clear_faults()
    assert [one.text for one in phone.chat(author="bot")] == [f"text {n}" for n in range(6)]
    assert [part.reason for part in await service.store.outbox.unsettled()] == [
        "the sending was cancelled"
    ] * 6
    assert not list((settings.base_path / "outbox").iterdir())
