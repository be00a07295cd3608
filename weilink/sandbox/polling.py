"""Long polls: held while their client is there, answered when there is news."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anyio.lowlevel import checkpoint
from starlette.requests import Request

from weilink.sandbox.accounts import Bot
from weilink.sandbox.chat import Entry
from weilink.sandbox.connections import is_open
from weilink.sandbox.faults import UPDATES
from weilink.sandbox.layers import FAULT
from weilink.sandbox.world import World


async def while_connected(request: Request, wait: Callable[[], Awaitable[object]]) -> None:
    """Wait until `wait` is over or the client has gone. The body must have been read."""
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        group.start_soon(watch)
        await wait()
        group.cancel_scope.cancel()


async def updates(world: World, bot: Bot, cursor: Any, request: Request) -> dict[str, Any]:
    """Answer getupdates: hold until there is something after the cursor, or the time is over.

    An empty cursor stands before the first message of the bot. A cursor that was never given out
    counts as empty and as a violation.
    """
    path = request.url.path
    position = world.chat.position(bot, cursor) if isinstance(cursor, str) else None
    if position is None:
        world.journal.violation(path, "get_updates_buf was not given out by this service")
        position = 0
    start = position
    bot.polls += 1
    world.chat.acknowledge(bot, start)
    # A poller that has just died may not be seen as gone yet: let the event loop read its end.
    for _ in range(3):
        await checkpoint()
    with world.pollers.held(bot.bot_id, lambda: is_open(request.scope)):
        world.changes.notify()
        if start and (rule := world.faults.take(path, UPDATES[1:])):
            request.scope[FAULT] = rule.kind
            before = world.chat.after(bot, max(0, start - world.options.batch_size))
            return _answer(world, before[:start], world.chat.cursor(bot, start))

        def ready() -> bool:
            return bool(world.chat.after(bot, start)) or not bot.live

        await while_connected(
            request, lambda: world.changes.until(ready, lambda: world.options.longpoll_seconds)
        )
    batch = world.chat.after(bot, start)
    new = world.chat.cursor(bot, start + len(batch))
    if rule := world.faults.take(path, UPDATES[:1]):
        request.scope[FAULT] = rule.kind
        new = ""
    world.changes.notify()
    return _answer(world, batch, new)


def _answer(world: World, batch: list[Entry], cursor: str) -> dict[str, Any]:
    world.chat.handed_over(batch)
    return {
        "ret": 0,
        "msgs": [entry.wire for entry in batch],
        "get_updates_buf": cursor,
        "longpolling_timeout_ms": int(world.options.longpoll_seconds * 1000),
    }
