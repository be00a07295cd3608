"""The rules: receiving, claiming, sending, routing, access.

`open_service` gives everything a face of WeiLink (a tool, a command, a page) needs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from weilink.ilink.cdn import Cdn
from weilink.ilink.client import ILinkClient
from weilink.service.absence import Absence
from weilink.service.approving import Approving
from weilink.service.changes import Changes
from weilink.service.claiming import Claims
from weilink.service.commands import Commands
from weilink.service.leading import Leader
from weilink.service.logins import Logins
from weilink.service.media import MediaFiles
from weilink.service.migrating import adopt
from weilink.service.parts import Preparer
from weilink.service.presence import Presence
from weilink.service.sendable import Sendable
from weilink.service.sending import Sender
from weilink.service.spool import Spool
from weilink.service.toolcalls import ToolCalls
from weilink.service.typing import Typist
from weilink.service.uploading import Uploader
from weilink.settings import Settings
from weilink.store import Store
from weilink.store.credentials import BotSession

__all__ = ["Service", "open_service"]


class Service:
    """The parts of the service over one store, sharing connections and change notices."""

    def __init__(self, settings: Settings, store: Store, http: httpx.AsyncClient) -> None:
        self.settings = settings
        self.store = store
        self._http = http
        self.changes = Changes(store)
        self.presence = Presence(store, self.changes)
        self.claims = Claims(store, self.changes, self.presence)
        self.logins = Logins(store, self.changes)
        cdn = Cdn(settings.cdn_base_url, http)
        limit = settings.media_limit_mib * 1024 * 1024
        spool = Spool(settings.base_path)
        self.sendable = Sendable(settings.base_path, settings.send_folders)
        self.media = MediaFiles(store, cdn, limit)
        self.sender = Sender(
            store,
            self.changes,
            self.client_for,
            Uploader(store, spool, cdn),
            Preparer(self.sendable, spool, limit),
            spool,
        )
        self.approving = Approving(store, self.changes, self.sender)
        self.commands = Commands(store, self.changes, self.sender, self.presence, self.approving)
        self.absence = Absence(store, self.changes, self.sender, self.presence)
        self.tool_calls = ToolCalls(store, self.sender, enabled=settings.show_tool_calls)
        typist = Typist(store, self.changes, self.client_for, enabled=settings.show_typing)
        self.leader = Leader(store, self.changes, self.sender, typist, self.client_for)

    def client_for(self, session: BotSession) -> ILinkClient:
        """Return a client that acts as the bot of `session`."""
        base_url = session.base_url or self.settings.ilink_base_url
        return ILinkClient(base_url, session.token, http=self._http)

    def client_for_login(self) -> ILinkClient:
        """Return a client that can ask for a login; always at the configured service."""
        return ILinkClient(self.settings.ilink_base_url, http=self._http)


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open the store of `settings.base_path` and the connections; close both at the end."""
    # Long polls of many bots and sends at the same time: no small pool may hold one up.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    async with (
        Store(settings.base_path) as store,
        httpx.AsyncClient(limits=limits, follow_redirects=False) as http,
    ):
        await adopt(store)
        yield Service(settings, store, http)
