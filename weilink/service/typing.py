"""The typing indicator: shown while an agent works on a message, always ended.

Users disagree whether showing it spends one of the ten replies of a context token. So while that
is not known it is shown once for a message, with replies to spare, and only to somebody whose
token before that still takes replies: should the last replies be refused because of it, they go
out on that one. What is seen then decides: never again, or as long as the work takes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio

from weilink.ilink.client import ILinkClient
from weilink.ilink.errors import ILinkError
from weilink.service.changes import Changes, wait
from weilink.service.windows import REPLIES, WINDOW_MS, replies_left
from weilink.store import Store
from weilink.store.clock import now_ms
from weilink.store.credentials import BotSession
from weilink.store.models import ReplyWindow
from weilink.store.working import Work

logger = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds after which the indicator is shown again while the work goes on (client 2.4.9)."""
SPARE = 6
"""Replies that must be left beside what typing might cost."""
_COSTS = "typing_costs"


RESERVE = 4
"""Replies that the token before must still take: more than the calls for one message."""
_OLD_MS = WINDOW_MS - 3600 * 1000


async def learn(store: Store, window: ReplyWindow, *, refused: bool) -> bool:
    """Draw the conclusion from a window near its end: does typing cost replies?

    `window` is as it was before a refusal, or after a success. Returns whether a reply was
    refused because of typing.
    """
    if not window.typed or await store.preferences.get(_COSTS, ""):
        return False
    spent = window.replies_used + window.typed
    if refused and window.replies_used < REPLIES <= spent:
        await store.preferences.set(_COSTS, "yes")
        return True
    if not refused and spent > REPLIES:
        # More than ten together, and none was refused.
        await store.preferences.set(_COSTS, "no")
    return False


def _has_reserve(window: ReplyWindow) -> bool:
    fresh = 0 <= now_ms() - window.reserve_at < _OLD_MS
    return bool(window.reserve_token) and fresh and REPLIES - window.reserve_used >= RESERVE


class Typist:
    """Shows and ends the indicator; the leader runs it."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        client_for: Callable[[BotSession], ILinkClient],
        *,
        enabled: bool,
    ) -> None:
        self._store = store
        self._changes = changes
        self._client_for = client_for
        self._enabled = enabled
        # Tokens on which the service did not let us: asked once is enough.
        self._refused: set[str] = set()

    async def run(self) -> None:
        """Keep the indicators right until cancelled; then end those that are shown."""
        try:
            while True:
                changed = self._changes.next
                await self._look()
                await wait(changed, AGAIN if await self._store.working.all() else 3600)
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                for work in await self._store.working.all():
                    if work.shown:
                        await self._end(work)

    async def _look(self) -> None:
        costs = await self._store.preferences.get(_COSTS, "")
        for work in await self._store.working.all():
            if work.over:
                await self._end(work)
            elif self._enabled and (not work.shown or costs == "no"):
                await self._show(work, costs)

    async def _show(self, work: Work, costs: str) -> None:
        window = await self._store.windows.get(work.bot_id, work.user_id)
        if window is None or window.token in self._refused or costs == "yes":
            return
        # To end it counts as well.
        spare = replies_left(window) - window.typed - 2
        if costs != "no" and (window.typed or spare < SPARE or not _has_reserve(window)):
            return
        await self._store.working.shown(work.bot_id, work.user_id, window.token)
        if not await self._call(work, window, typing=True):
            self._refused.add(window.token)

    async def _end(self, work: Work) -> None:
        window = await self._store.windows.get(work.bot_id, work.user_id)
        done = not work.shown or await self._call(work, window, typing=False)
        if done or window is None or window.token in self._refused:
            token = window.token if window and work.shown else ""
            await self._store.working.ended(work.bot_id, work.user_id, token)
        else:
            # Looked at again soon; the phone forgets it by itself at last.
            self._refused.add(window.token)

    async def _call(self, work: Work, window: ReplyWindow | None, *, typing: bool) -> bool:
        session = next((s for s in self._store.credentials.load() if s.bot_id == work.bot_id), None)
        if session is None or window is None:
            return False
        client = self._client_for(session)
        try:
            ticket = await client.get_typing_ticket(work.user_id, window.token)
            if ticket:
                await client.send_typing(work.user_id, ticket, typing=typing)
        except ILinkError as error:
            logger.debug("typing: %s", error)
            return False
        return bool(ticket)
