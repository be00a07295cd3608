"""One bot's long poll: fetch, commit together with the cursor, tell those who wait."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import anyio

from weilink.ilink.client import LONG_POLL, ILinkClient
from weilink.ilink.errors import ILinkError, StaleTokenError
from weilink.service.access import allowed
from weilink.service.changes import Changes
from weilink.service.phonewords import Verdict, parse
from weilink.service.reading import read_message
from weilink.store import Store
from weilink.store.credentials import BotSession, as_typed
from weilink.store.models import Delivery, NewMessage

logger = logging.getLogger(__name__)

# Back-off of the official client 2.4.9, in seconds.
RETRY = 2.0
RETRY_AFTER_THREE = 30.0
RETRY_STALE = 3600.0
SHORTEST_POLL = 0.5
LONGEST_POLL = 300.0
"""Whatever the service says: a dead connection must be noticed."""
STALE = "its login is no longer valid: run 'weilink login {name} --force'"


class Poller:
    """Receives the messages of one bot for as long as this process leads."""

    def __init__(self, session: BotSession, client: ILinkClient, store: Store, changes: Changes):
        self._session = session
        self._client = client
        self._store = store
        self._changes = changes
        self._timeout = LONG_POLL
        self._failures = 0

    async def run(self) -> None:
        """Poll until cancelled; tell the service when this client comes and goes."""
        await self._notify(start=True)
        try:
            while True:
                pause = await self._poll()
                await anyio.sleep(pause)
        finally:
            # The service should know at once; a dead network must not hold up our end.
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                await self._notify(start=False)

    async def _poll(self) -> float:
        """Fetch and store one batch; return how many seconds to wait before the next."""
        bot_id = self._session.bot_id
        began = anyio.current_time()
        state = await self._store.bots.get(bot_id)
        try:
            updates = await self._client.get_updates(state.cursor, timeout=self._timeout)
        except StaleTokenError:
            self._failures = 0
            cure = STALE.format(name=as_typed(self._session.name))
            logger.error("bot %s: %s", self._session.name, cure)
            await self._problem(cure)
            return RETRY_STALE
        except ILinkError as error:
            self._failures += 1
            logger.warning("bot %s: %s", self._session.name, error)
            if self._failures >= 3:
                self._failures = 0
                await self._problem(str(error))
                return RETRY_AFTER_THREE
            return RETRY
        self._failures = 0
        if updates.longpolling_timeout_ms > 0:
            self._timeout = min(max(updates.longpolling_timeout_ms / 1000, 0.1), LONGEST_POLL)
        moved = updates.get_updates_buf not in ("", state.cursor)
        new = 0
        if updates.msgs or moved or state.problem:
            new = await self._commit(updates.get_updates_buf, updates.msgs)
            logger.debug("bot %s: %d new messages", self._session.name, new)
            self._changes.notify()
        # A service that does not hold the poll, or gives the same again and again, must not make
        # us ask without a pause.
        held = anyio.current_time() - began > SHORTEST_POLL
        return 0 if held or new or (moved and updates.msgs) else SHORTEST_POLL

    async def _commit(self, cursor: str, raws: list[Any]) -> int:
        messages = [message for raw in raws if (message := read_message(raw))]
        judged = [await self._judged(message) for message in messages]
        return await self._store.inbox.commit_batch(self._session.bot_id, cursor, judged)

    async def _judged(self, message: NewMessage) -> NewMessage:
        owner = message.user_id and message.user_id == self._session.user_id
        said = parse(message.text)
        if owner and not message.group_id and said is not None:
            return dataclasses.replace(message, delivery=Delivery.COMMAND)
        if isinstance(said, Verdict):
            # Whoever else may write to agents: what looks like an approval never reaches one.
            logger.warning(
                "bot %s: %s answered an approval that nobody asked of them",
                self._session.name,
                message.user_id,
            )
            return dataclasses.replace(message, delivery=Delivery.NONE)
        if await allowed(self._store, self._session.user_id, message.user_id):
            return message
        logger.warning(
            "bot %s: a message of %s is kept in the history only; 'weilink access allow' "
            "would let this person write to your agents",
            self._session.name,
            message.user_id,
        )
        return dataclasses.replace(message, delivery=Delivery.HELD)

    async def _problem(self, problem: str) -> None:
        await self._store.bots.set_problem(self._session.bot_id, problem)
        self._changes.notify()

    async def _notify(self, *, start: bool) -> None:
        try:
            await (self._client.notify_start() if start else self._client.notify_stop())
        except ILinkError as error:
            # For the service's information only: receiving works without it.
            logger.debug("bot %s: %s", self._session.name, error)
