"""All that is kept: messages, claims, reply windows, outbox, bot sessions. The only SQL.

Nothing outside this package may assume one file or one machine: it sees the classes named
here and the data of `weilink.store.models`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

import anyio

from weilink.store.agentsessions import AgentSessions, Bindings
from weilink.store.approvals import Approvals
from weilink.store.bots import Bots
from weilink.store.credentials import Credentials
from weilink.store.database import Database
from weilink.store.handovers import Handovers
from weilink.store.history import History
from weilink.store.inbox import Inbox
from weilink.store.outbox import Outbox
from weilink.store.preferences import Preferences
from weilink.store.takeover import TakeOver
from weilink.store.windows import Windows
from weilink.store.working import Working

__all__ = ["Store"]


class Store:
    """The data of one base path. Use it as an async context manager."""

    def __init__(self, base_path: Path) -> None:
        self.base_path = base_path
        self._db = Database(base_path)
        self.inbox = Inbox(self._db)
        self.outbox = Outbox(self._db)
        self.windows = Windows(self._db)
        self.working = Working(self._db)
        self.bots = Bots(self._db)
        self.agent_sessions = AgentSessions(self._db)
        self.bindings = Bindings(self._db)
        self.approvals = Approvals(self._db)
        self.history = History(self._db)
        self.handovers = Handovers(self._db)
        self.takeover = TakeOver(self._db)
        self.preferences = Preferences(self._db)
        self.credentials = Credentials(base_path)

    async def __aenter__(self) -> Store:
        await self._db.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._db.aclose()

    def version(self) -> object:
        """Return something that is another one once this or another process changed the data."""
        return self._db.version(), self.credentials.stamp()

    def watch(self, stop: anyio.Event) -> AsyncIterator[None]:
        """Yield whenever this or another process may have changed the data, until `stop`."""
        # Imported late: only processes that stay need the file watcher.
        from weilink.store.changes import watch

        return watch(self.base_path, stop)
