"""Telling a sender once that no agent is there for them. Off unless the user asked for it."""

from __future__ import annotations

import json
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
TOLD = "absence_told"
"""The preference that holds who was told: the next leader must not tell them again."""


class Absence:
    """Runs in the leader when it is switched on."""

    def __init__(self, store: Store, changes: Changes, sender: Sender, presence: Presence) -> None:
        self._store = store
        self._changes = changes
        self._sender = sender
        self._presence = presence

    async def run(self) -> None:
        """Tell senders until cancelled; each once, until an agent was there for them."""
        preferences = self._store.preferences
        told = {(bot, user) for bot, user in json.loads(await preferences.get(TOLD, "[]"))}
        while True:
            changed = self._changes.next
            left = 600.0
            await self._presence.refresh()
            live, bindings = self._presence.live(), self._presence.bindings
            waiting = await self._store.inbox.waiting_conversations()
            # Somebody was there when nothing of theirs waits any more.
            still = {k for k in told if k in waiting and target(live, bindings, *k) is None}
            if still != told:
                told = still
                await preferences.set(TOLD, json.dumps(sorted(told)))
            for (bot_id, user_id), since in waiting.items():
                key = (bot_id, user_id)
                if key in told or target(live, bindings, bot_id, user_id) is not None:
                    continue
                wait_ms = since + AFTER_MS - now_ms()
                # One that came in the future came before the clock was set back.
                if 0 < wait_ms <= AFTER_MS:
                    left = min(left, wait_ms / 1000)
                    continue
                told.add(key)
                # First: rather not told than told twice.
                await preferences.set(TOLD, json.dumps(sorted(told)))
                await self._tell(user_id)
            await wait(changed, left)

    async def _tell(self, user_id: str) -> None:
        try:
            await self._sender.send_text(
                user_id, t("No agent is there now. Your message waits until one is.")
            )
        except WeiLinkError as error:
            logger.warning("a sender could not be told that nobody is there: %s", error)
