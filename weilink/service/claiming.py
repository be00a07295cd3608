"""Handing messages over to a reader: claim, put into words, acknowledge."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio

from weilink.service.changes import Changes, wait
from weilink.service.envelope import Addressee, Envelope
from weilink.service.presence import Presence
from weilink.service.routing import may_take
from weilink.store import Store
from weilink.store.claimed import Fit, Wanted, everything
from weilink.store.models import Claim

logger = logging.getLogger(__name__)

LEASE_MS = 10_000
"""How long a reader may take to write out what it claimed. A hook needs milliseconds; what a
killed one held comes back after this."""
ACKS = "acks"
"""Folder under `run/` where a hook that could not reach the leader leaves its acknowledgement."""


SHELL = "shell"
"""The reader that is the user themselves, who gets whatever waits."""


def _up_to_50(messages: object, waiting: int) -> int:
    return 50


@dataclass(frozen=True)
class Handover:
    """Text for an agent and the claim to acknowledge once it is written."""

    claim_id: str
    text: str


class Claims:
    """What readers do: hooks, the `recv` tool, the shell."""

    def __init__(self, store: Store, changes: Changes, presence: Presence) -> None:
        self._store = store
        self._changes = changes
        self._presence = presence
        self._acks = store.base_path / "run" / ACKS

    def any_open(self) -> bool:
        """Return whether any message is on its way to an agent; costs microseconds."""
        return self._store.inbox.any_open()

    async def envelope(
        self,
        reader: str,
        limit: int,
        size: Callable[[str], int],
        wanted: Wanted = everything,
        session: str = "",
        *,
        wakes: bool = False,
    ) -> Handover | None:
        """Claim what is wanted and fits into one text of `limit`, counted by `size`.

        `None` when nothing waits. With `session` the messages count as read only when that agent
        session goes on after they were written (`Presence.confirm`); when that `wakes` it, only
        when it begins with them.
        """
        if wakes and self._presence.wake_unread(session):
            return None
        await self.collect_acks()
        envelope = Envelope(self._addressee(), limit, self._store.base_path / "downloads", size)
        strict = wakes and self._presence.announces(session)
        claim = await self._store.inbox.claim(
            reader, LEASE_MS, envelope.fit, wanted, session, wakes=strict
        )
        if claim is None:
            return None
        _log_claim(claim, reader)
        if strict:
            self._presence.waking(session, claim.id)
        try:
            text = await anyio.to_thread.run_sync(envelope.text, claim.messages, claim.waiting)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.release(claim.id)
            raise
        return Handover(claim.id, text)

    async def receive(self, reader: str, seconds: float, fit: Fit = _up_to_50) -> Claim | None:
        """Claim the oldest messages that `fit` takes, waiting up to `seconds` for one to come.

        What is bound to a live agent session goes to a reader of that session only.
        """
        deadline = anyio.current_time() + seconds
        while True:
            changed = self._changes.next
            await self.collect_acks()
            wanted = everything if reader == SHELL else await self._for_this_process()
            if claim := await self._store.inbox.claim(reader, LEASE_MS, fit, wanted):
                _log_claim(claim, reader)
                return claim
            left = deadline - anyio.current_time()
            if left <= 0:
                return None
            expiry = await self._store.inbox.next_expiry()
            if expiry is not None:
                left = min(left, expiry / 1000 + 0.01)
            await wait(changed, left)

    async def acknowledge(self, claim_id: str) -> bool:
        """The messages are where the agent reads them. Returns whether the claim was known."""
        known = await self._store.inbox.acknowledge(claim_id)
        logger.info("claim %.8s: %s", claim_id, "written" if known else "not known any more")
        await self._presence.written()
        self._changes.notify()
        return known

    async def release(self, claim_id: str) -> None:
        """The messages could not be delivered: the next reader gets them."""
        await self._store.inbox.release(claim_id)
        logger.info("claim %.8s: released", claim_id)
        self._changes.notify()

    def ack_file(self, claim_id: str) -> Path:
        """Return the file by which whoever wrote the messages of a claim says so afterwards."""
        return self._acks / claim_id

    async def collect_acks(self) -> None:
        """Take in the acknowledgements of hooks that had written but found no leader.

        Done before anything is claimed, so that a message whose leader was killed between
        handing over and hearing back is not handed out twice.
        """
        for path in _left_behind(self._acks):
            await self._store.inbox.acknowledge(path.name)
            logger.info("claim %.8s: its hook had written it when the leader ended", path.name)
            path.unlink(missing_ok=True)
            await self._presence.written()

    async def _for_this_process(self) -> Wanted:
        """Return what a tool may take: this process is one that the agent started."""
        live = await self._presence.read()
        bindings = await self._store.bindings.all()
        parent = os.getppid()
        session = next((s for s in live if s.pid == parent and s.interactive), None)
        return lambda bot, user: may_take(session, live, bindings, bot, user)

    def _addressee(self) -> Addressee:
        sessions = self._store.credentials.load()
        return Addressee(
            bots={session.bot_id: session.name for session in sessions},
            owners=frozenset(session.user_id for session in sessions if session.user_id),
        )


def _log_claim(claim: Claim, reader: str) -> None:
    logger.info(
        "claim %.8s: %d messages for %s, %d more wait",
        claim.id, len(claim.messages), reader, claim.waiting,
    )  # fmt: skip


def _left_behind(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
