"""A bot that is logged out while its tool calls are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.service.conftest import (  # noqa: F401  (fixtures)
    anyio_backend,
    leading,
    log_in,
    phone,
    sandbox,
    service,
    settings,
    written,
)
from weilink.sandbox.phone import Phone
from weilink.server.hooks.chatting import Chatting
from weilink.server.hooks.given import HookCall
from weilink.service import Service, open_service
from weilink.settings import Settings

pytestmark = pytest.mark.anyio


def used(tool: str, number: int) -> HookCall:
    given = {"tool_name": tool, "tool_use_id": f"t{number}"}
    return HookCall("claude", "", "PostToolUse", "s1", "/", 1, "cli", False, 5.0, given)


async def at_work(service: Service) -> None:  # noqa: F811
    claim = await service.claims.receive("claude:s1", 5)
    assert claim is not None
    await service.claims.acknowledge(claim.id)


@pytest.fixture
def quiet(phone: Phone) -> Iterator[Phone]:  # noqa: F811
    """Tool calls alone in the chat's requests: no typing."""
    yield phone
    phone.lab.clear_faults()


@pytest.mark.parametrize("moment", ["before", "while a call is shown"])
async def test_logged_out_while_tool_calls_are_shown(
    settings: Settings,  # noqa: F811
    service: Service,  # noqa: F811
    quiet: Phone,
    moment: str,
) -> None:
    """What shows them goes on: for other bots, and after the next login."""
    shown = settings.model_copy(update={"show_tool_calls": True})
    async with open_service(shown) as other, leading(other), anyio.create_task_group() as tasks:
        await written(other, quiet)
        await at_work(other)
        chatting = Chatting(other)
        ended: list[Any] = []

        async def run() -> None:
            try:
                await chatting.run()
            finally:
                ended.append(True)

        if moment == "before":
            await other.logins.logout("")
            await chatting.follow(used("Bash", 1))
            tasks.start_soon(run)
        else:
            quiet.lab.clear_journal()
            quiet.lab.fault("delay", "*/sendmessage", 0.5)
            tasks.start_soon(run)
            await chatting.follow(used("Bash", 1))
            # Its request is on its way: between beginning and end of the call the bot goes.
            with anyio.fail_after(10):
                while await other.store.outbox.waiting(quiet.bot().bot_id, quiet.user_id()) == 0:
                    await anyio.lowlevel.checkpoint()
            await other.logins.logout("")
        await log_in(other, quiet)
        await written(other, quiet, "and now")
        await at_work(other)
        before = max(one.n for one in quiet.chat())
        await chatting.follow(used("Read", 2))
        (result,) = await anyio.to_thread.run_sync(
            lambda: quiet.wait_for(kind="tool_result", after=before)
        )
        assert result.items[0]["tool_call_result_item"]["tool_call_id"] == "t2"
        assert not ended
        # Nothing of the old call waits to surprise the user later.
        with anyio.fail_after(10):
            while await other.store.outbox.unsettled():
                with anyio.move_on_after(0.2):
                    await other.changes.next.wait()
        tasks.cancel_scope.cancel()
