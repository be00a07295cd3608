from __future__ import annotations

import anyio
import pytest

from tests.service.conftest import leading, written
from weilink.sandbox.phone import Phone
from weilink.service import Service, open_service
from weilink.settings import Settings
from weilink.store.models import PartState

pytestmark = pytest.mark.anyio


async def handed_over(service: Service, reader: str = "mcp:1") -> None:
    claim = await service.claims.receive(reader, 5)
    assert claim is not None
    await service.claims.acknowledge(claim.id)


async def typing(phone: Phone, shown: bool) -> None:
    await anyio.to_thread.run_sync(lambda: phone.wait_typing(shown))


async def test_shown_while_an_agent_works_and_ended_by_the_answer(
    service: Service, phone: Phone
) -> None:
    async with leading(service):
        await written(service, phone, "one before it")
        await written(service, phone)
        assert not phone.conversation().typing
        await handed_over(service)
        await typing(phone, True)
        await service.sender.send_text(phone.user_id(), "done")
        await typing(phone, False)
        assert phone.conversation().typing_events == [1, 2]


async def test_ended_by_the_next_leader(
    settings: Settings, service: Service, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader that was killed leaves the indicator on; the next one ends it."""
    async with leading(service):
        await written(service, phone, "one before it")
        await written(service, phone)
        await handed_over(service)
        await typing(phone, True)
        # As when killed: nothing is tidied up at the end.
        phone.lab.fault("drop", "*/sendtyping")
        phone.lab.fault("drop", "*/getconfig")
    assert phone.conversation().typing
    phone.lab.clear_faults()
    await service.store.working.end(phone.bot().bot_id, phone.user_id())
    async with open_service(settings) as other, leading(other):
        await typing(phone, False)


async def test_ended_with_the_leader(service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone, "one before it")
        await written(service, phone)
        await handed_over(service)
        await typing(phone, True)
    assert not phone.conversation().typing


async def test_what_the_user_reads_in_the_shell_is_no_work(service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone)
        await handed_over(service, "shell")
        assert await service.store.working.all() == []


async def test_learning_that_typing_costs_replies_costs_none(
    service: Service, phone: Phone
) -> None:
    """The two that typing has eaten go out at once, on the token of the message before."""
    phone.lab.set_options(typing_spends_reply=True)
    async with leading(service):
        await written(service, phone)
        for turn in range(2):
            await written(service, phone, f"question {turn}")
            await handed_over(service)
            if turn == 0:
                await typing(phone, True)
            for n in range(10):
                result = await service.sender.send_text(phone.user_id(), f"{turn} {n}")
                assert result.parts[0].state is PartState.SENT, (turn, n)
                if turn == 0 and n == 0:
                    await typing(phone, False)
            assert await service.store.preferences.get("typing_costs", "") == "yes"
    assert phone.conversation().typing_events == [1, 2]
    seen = [one.text for one in phone.chat(author="bot")]
    assert seen == [f"{turn} {n}" for turn in range(2) for n in range(10)]


async def test_not_shown_while_a_reply_could_be_lost(service: Service, phone: Phone) -> None:
    """The first message ever has no token before it, and nor has one behind a dead token."""
    phone.lab.set_options(typing_spends_reply=True)
    async with leading(service):
        for text in ("first", "after a dead token"):
            await written(service, phone, text)
            await handed_over(service)
            for n in range(10):
                result = await service.sender.send_text(phone.user_id(), f"{n}")
                assert result.parts[0].state is PartState.SENT
            # The eleventh would be refused; whoever tries learns that the token is dead.
            window = await service.store.windows.get(phone.bot().bot_id, phone.user_id())
            assert window is not None
            await service.store.windows.died(window.bot_id, window.user_id, window.token)
    assert phone.conversation().typing_events == []


async def test_it_is_learned_that_typing_is_free(service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone, "one before it")
        await written(service, phone)
        await handed_over(service)
        await typing(phone, True)
        for n in range(10):
            result = await service.sender.send_text(phone.user_id(), f"{n}")
            assert result.parts[0].state is PartState.SENT
            if n == 0:
                await typing(phone, False)
    assert await service.store.preferences.get("typing_costs", "") == "no"


async def test_no_typing_when_it_is_off(settings: Settings, service: Service, phone: Phone) -> None:
    quiet = settings.model_copy(update={"show_typing": False})
    async with open_service(quiet) as other, leading(other):
        await written(other, phone)
        await handed_over(other)
        await other.sender.send_text(phone.user_id(), "done")
    assert phone.conversation().typing_events == []


async def test_tool_calls_live(settings: Settings, service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone)
        assert not await service.tool_calls.started(phone.user_id(), "Bash", "c1", "r1")
    shown = settings.model_copy(update={"show_tool_calls": True})
    async with open_service(shown) as other, leading(other):
        calls, user = other.tool_calls, phone.user_id()
        assert await calls.started(user, "Bash", "c1", "r1")
        assert await calls.finished(user, "Bash", "c1", "r1", "failed")
        assert [one.kind for one in phone.chat(author="bot")] == ["tool_call", "tool_result"]
        assert {one.run_id for one in phone.chat(author="bot")} == {"r1"}
        # Each that begins can end, and the rest stays for the answer.
        assert [await calls.started(user, "Read", f"d{n}", "r1") for n in range(2)] == [True, False]
        assert [await calls.finished(user, "Read", f"d{n}", "r1") for n in range(2)] == [
            True,
            False,
        ]
        assert not await calls.started(user, "Read", "e", "r1")
        for n in range(6):
            result = await other.sender.send_text(user, f"{n}")
            assert result.parts[0].state is PartState.SENT
    assert await service.store.outbox.unsettled() == []


@pytest.mark.parametrize("answer", [{"ret": -2}, {"ret": 0}])
async def test_a_tool_call_that_is_not_taken_costs_no_answer(
    settings: Settings, service: Service, phone: Phone, answer: dict[str, int]
) -> None:
    """A service that refuses tool calls, or gives them no id, still takes the answer."""
    shown = settings.model_copy(update={"show_tool_calls": True})
    async with open_service(shown) as other, leading(other):
        await written(other, phone)
        user = phone.user_id()
        first = await other.sender.send_text(user, "at work")
        phone.lab.fault("answer", "*/sendmessage", answer)
        await other.tool_calls.started(user, "Bash", "c1", "r1")
        result = await other.sender.send_text(user, "done")
    assert [one.parts[0].state for one in (first, result)] == [PartState.SENT] * 2
    assert [one.text for one in phone.chat(author="bot")] == ["at work", "done"]
    assert await service.store.outbox.unsettled() == []


async def test_a_tool_call_does_not_outlive_its_process(
    settings: Settings, service: Service, phone: Phone
) -> None:
    shown = settings.model_copy(update={"show_tool_calls": True})
    async with leading(service):
        await written(service, phone)
    async with open_service(shown) as other:
        phone.lab.fault("delay", "*/sendmessage", 30)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other.tool_calls.started, phone.user_id(), "Bash", "c1", "r1")
            with anyio.fail_after(10):
                while PartState.SENDING not in await service.store.outbox.counts():
                    changed = other.changes.next
                    with anyio.move_on_after(0.05):
                        await changed.wait()
            tasks.cancel_scope.cancel()
    assert await service.store.outbox.unsettled() == []
