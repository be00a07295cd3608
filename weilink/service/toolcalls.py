"""An agent's tool calls, shown live in the chat. Off unless the settings say otherwise.

Beginning and end of each take one of the ten replies, so they are shown only while enough are left
for the answer, and never wait in the outbox.
"""

from __future__ import annotations

import secrets
from typing import Literal

import anyio

from weilink.ilink.models import ItemType
from weilink.service.outcomes import TOOL
from weilink.service.sending import Sender
from weilink.service.windows import replies_left
from weilink.store import Store
from weilink.store.models import NewPart, PartState

SPARE = 5
"""Replies that stay for the answer."""

Status = Literal["completed", "failed", "blocked"]


class ToolCalls:
    """Shows when a tool begins and how it ended. `run_id` is the same within one reply."""

    def __init__(self, store: Store, sender: Sender, *, enabled: bool) -> None:
        self._store = store
        self._sender = sender
        self._enabled = enabled
        # User and call: what the chat shows as running.
        self._running: set[tuple[str, str]] = set()

    async def started(self, user_id: str, tool: str, call_id: str, run_id: str) -> bool:
        """A tool begins. Returns whether the chat shows it.

        It does when its end, and those of others that run, can be shown as well.
        """
        item = {
            "type": int(ItemType.TOOL_CALL_START),
            "tool_call_start_item": {"tool_name": tool, "tool_call_id": call_id},
            "is_completed": False,
        }
        ends = 1 + sum(user == user_id for user, _ in self._running)
        shown = await self._show(user_id, item, f"[tool: {tool}]", run_id, SPARE + ends)
        if shown:
            self._running.add((user_id, call_id))
        return shown

    async def finished(
        self, user_id: str, tool: str, call_id: str, run_id: str, status: Status = "completed"
    ) -> bool:
        """A tool has ended. Returns whether the chat shows it: only one that it showed as begun."""
        if (user_id, call_id) not in self._running:
            return False
        self._running.discard((user_id, call_id))
        item = {
            "type": int(ItemType.TOOL_CALL_RESULT),
            "tool_call_result_item": {
                "tool_name": tool,
                "tool_call_id": call_id,
                "status": status,
            },
            "is_completed": True,
        }
        return await self._show(user_id, item, f"[tool: {tool}, {status}]", run_id, SPARE)

    async def _show(
        self, user_id: str, item: dict[str, object], text: str, run_id: str, spare: int
    ) -> bool:
        if not self._enabled:
            return False
        bot = await self._sender.bot_for(user_id)
        window = await self._store.windows.get(bot.bot_id, user_id)
        waiting = await self._store.outbox.waiting(bot.bot_id, user_id)
        if waiting or replies_left(window) <= spare:
            return False
        part = NewPart(secrets.token_hex(16), item, text, TOOL, run_id=run_id)
        (row,) = await self._store.outbox.add(bot.bot_id, user_id, [part], 2_000)
        try:
            await self._sender.flush(bot, user_id)
        finally:
            # Also when this process ends meanwhile: it would go out late, after the answer.
            with anyio.CancelScope(shield=True):
                (found,) = await self._store.outbox.get([row])
                if found.state is not PartState.SENT:
                    await self._store.outbox.drop(row)
        return found.state is PartState.SENT
