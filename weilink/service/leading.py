"""Leadership: one process of all polls the bots and empties the outbox."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from filelock import FileLock, Timeout

from weilink.service.changes import Changes
from weilink.service.receiving import Poller
from weilink.service.sending import ClientFor, Sender
from weilink.service.typing import Typist
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.files import private_folder

logger = logging.getLogger(__name__)

TRY_EVERY = 0.3
"""Seconds between two tries to become the leader: the operating system frees the lock of a
leader however it ends, and within a second another one must be there."""
AFTER_A_FAULT = 5.0
"""Seconds before a process whose leader work broke tries again; another may take over first."""

Task = Callable[[], Coroutine[Any, Any, None]]


async def lead_when_possible(base_path: Path, work: Task) -> None:
    """Run `work` whenever this process holds the leader lock; never returns."""
    private_folder(base_path / "run")
    # A lock of the operating system: it cannot outlive its process, whatever kills it.
    lock = FileLock(base_path / "run" / "leader.lock", mode=0o600, thread_local=False)
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            await anyio.sleep(TRY_EVERY)
            continue
        logger.info("this process leads now")
        try:
            await work()
        except Exception:
            # A fault must cost neither the messages (they are in the store) nor the agent its
            # tools: let another process try, then try again.
            logger.exception("leading failed; trying again in %d seconds", AFTER_A_FAULT)
        finally:
            lock.release()
        await anyio.sleep(AFTER_A_FAULT)


class Leader:
    """What the leader does for all: a poller for each bot, the outbox, typing."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        sender: Sender,
        typist: Typist,
        client_for: ClientFor,
    ) -> None:
        self._typist = typist
        self._store = store
        self._changes = changes
        self._sender = sender
        self._client_for = client_for
        self._pollers: dict[BotSession, anyio.CancelScope] = {}

    async def run(self, *others: Task) -> None:
        """Lead until cancelled; `others` run as long."""
        self._pollers.clear()
        async with anyio.create_task_group() as tasks:
            for task in others:
                tasks.start_soon(task)
            tasks.start_soon(self._sender.run)
            tasks.start_soon(self._typist.run)
            while True:
                changed = self._changes.next
                await self._match_pollers(tasks)
                await changed.wait()

    def polled(self) -> list[str]:
        """Return the bots that are polled by this process."""
        return sorted(session.bot_id for session in self._pollers)

    async def _match_pollers(self, tasks: anyio.abc.TaskGroup) -> None:
        """Have one poller for each bot that is logged in, with its present token."""
        # One bot under two names (a copied folder) is polled once, by its newest login.
        wanted = {session.bot_id: session for session in self._store.credentials.load()}
        for session, scope in list(self._pollers.items()):
            if wanted.get(session.bot_id) != session:
                scope.cancel()
                del self._pollers[session]
        for session in wanted.values():
            if session not in self._pollers:
                scope = self._pollers[session] = anyio.CancelScope()
                tasks.start_soon(self._poll, session, scope)

    async def _poll(self, session: BotSession, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                try:
                    client = self._client_for(session)
                    await Poller(session, client, self._store, self._changes).run()
                except Exception:
                    # A fault with one bot (a token.json that somebody edited) stops only that.
                    logger.exception("polling bot '%s' failed", session.name)
                await anyio.sleep(AFTER_A_FAULT)


def is_led(base_path: Path) -> bool:
    """Return whether some process leads on `base_path` now."""
    path = base_path / "run" / "leader.lock"
    if not path.exists():
        return False
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
