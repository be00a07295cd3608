"""Telling a sender once that no agent is there for them. Off unless the user asked for it."""

from __future__ import annotations

import logging

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.service.changes import Changes, wait
from weilink.service.presence import Presence
from weilink.service.routing import target
from weilink.service.sending import Sender
from weilink.store import Store
from weilink.store.clock import now_ms

logger = logging.getLogger(__name__)

AFTER_MS = 3_000
"""How long a message may wait before its sender hears of it."""


class Absence:
    """Runs in the leader when it is switched on."""

    def __init__(self, store: Store, changes: Changes, sender: Sender, presence: Presence) -> None:
        self._store = store
        self._changes = changes
        self._sender = sender
        self._presence = presence
        self._told: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Tell senders until cancelled; each once, until an agent was there for them."""
        while True:
            changed = self._changes.next
            left = 600.0
            await self._presence.refresh()
            live, bindings = self._presence.live(), self._presence.bindings
            waiting = await self._store.inbox.waiting_conversations()
            self._told = {key for key in self._told if target(live, bindings, *key) is None}
            for (bot_id, user_id), since in waiting.items():
                key = (bot_id, user_id)
                if key in self._told or target(live, bindings, bot_id, user_id) is not None:
                    continue
                wait_ms = since + AFTER_MS - now_ms()
                if wait_ms > 0:
                    left = min(left, wait_ms / 1000)
                    continue
                self._told.add(key)
                await self._tell(user_id)
            await wait(changed, left)

    async def _tell(self, user_id: str) -> None:
        try:
            await self._sender.send_text(
                user_id, t("No agent is there now. Your message waits until one is.")
            )
        except WeiLinkError as error:
            logger.warning("a sender could not be told that nobody is there: %s", error)
