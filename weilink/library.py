"""WeiLink as a library: `from weilink import WeiLink`. docs/library.md is its page."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

import anyio
import anyio.abc

from weilink.errors import UsageError, WeiLinkError
from weilink.ilink.login import Login
from weilink.server.node import open_node
from weilink.service import Service
from weilink.service.claiming import LEASE_MS
from weilink.service.media import Downloaded
from weilink.service.parts import AnyPart, FilePart, ImagePart, TextPart, VideoPart, VoicePart
from weilink.service.sending import SendResult
from weilink.service.spool import Progress
from weilink.settings import load
from weilink.store.credentials import BotSession
from weilink.store.history import Page, Query
from weilink.store.models import Direction, StoredMessage

__all__ = ["Downloaded", "Page", "SendResult", "StoredMessage", "WeiLink"]

logger = logging.getLogger(__name__)

READER = "shell"
"""A program that its user runs gets whatever waits, like the user's own shell."""
_RENEW = 3.0
_ALL = 2**31
"""More messages than a page can hold."""
_NEVER = 2**52


class WeiLink:
    """The bots of one base path; an async context manager.

    Takes part like every other process of WeiLink: several may run, one of them polls. All
    methods raise `weilink.errors.WeiLinkError` with a sentence for the user.

    Args:
        base_path: folder of WeiLink's data, by default that of the settings.
        settings: any of the settings, such as `ilink_base_url`; they go before environment and
            `config.toml`.
    """

    def __init__(self, base_path: str | Path | None = None, **settings: object) -> None:
        self._settings = load(base_path=Path(base_path) if base_path else None, **settings)
        self._stack = AsyncExitStack()
        self._service: Service | None = None
        self._tasks: anyio.abc.TaskGroup | None = None
        self._held: set[str] = set()

    async def __aenter__(self) -> WeiLink:
        self._service = await self._stack.enter_async_context(open_node(self._settings))
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._keep)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()
            # Without the exception: a task group would wrap it.
            await self._tasks.__aexit__(None, None, None)
        self._service = None
        await self._stack.__aexit__(kind, error, trace)

    @property
    def service(self) -> Service:
        """What everything here is made of, for what is missing here."""
        if self._service is None:
            raise UsageError("use WeiLink as 'async with WeiLink() as wechat:'")
        return self._service

    # -- bots ------------------------------------------------------------------------------------

    def sessions(self) -> list[BotSession]:
        """Return the bots that this computer is logged in as, the oldest first."""
        return self.service.logins.sessions()

    async def login(self, name: str = "") -> Login:
        """Return a login for the session `name` ("": the default one), new or to be replaced.

        `start` it, show `qr_url`, `poll` until `state` says how it went, then `complete` it.

        Raises:
            UsageError: no session can be called so.
        """
        name = await self.service.logins.name_for_login(name)
        return await self.service.logins.begin(name, self.service.client_for_login())

    async def complete(self, login: Login, name: str = "", *, replace: bool = False) -> BotSession:
        """Keep what a confirmed login gave, as the session `name` that it was begun for.

        When another account has that name by now, and its login is good, the new session is
        called `NAME-2`, unless `replace` is true. Older sessions of the same account go.

        Raises:
            UsageError: the login is not confirmed, or no session can be called so.
            WeiLinkError: it cannot be written.
        """
        if login.credentials is None:
            raise UsageError("the login is not confirmed yet: 'poll' until its state is CONFIRMED")
        name = await self.service.logins.name_for_login(name)
        return await self.service.logins.complete(name, login.credentials, replace=replace)

    def bound(self, login: Login) -> list[BotSession]:
        """Return the sessions that `ALREADY_BOUND` can mean; WeChat does not say which.

        None: the account is bound to a bot elsewhere, which must be removed in WeChat first.
        """
        return self.service.logins.bound(login)

    async def logout(self, name: str = "") -> BotSession:
        """Remove the credentials of a session (the default one); its history stays."""
        return await self.service.logins.logout(name)

    # -- messages --------------------------------------------------------------------------------

    @asynccontextmanager
    async def receive(self, timeout: float = 5.0) -> AsyncIterator[list[StoredMessage]]:
        """Give the new messages, oldest first; wait up to `timeout` seconds for one to come.

        They count as read when the block ends well. When it raises, or this process dies, the
        next reader gets them.
        """
        claim = await self.service.claims.receive(READER, timeout)
        if claim is None:
            yield []
            return
        self._held.add(claim.id)
        try:
            yield list(claim.messages)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.service.claims.release(claim.id)
            raise
        else:
            await self.service.claims.acknowledge(claim.id)
        finally:
            self._held.discard(claim.id)

    async def messages(self) -> AsyncIterator[StoredMessage]:
        """Give every new message, for ever. Each counts as read when the next is asked for."""
        while True:
            claim = await self.service.claims.receive(READER, 3600, lambda *_: 1)
            if claim is None:
                continue
            self._held.add(claim.id)
            try:
                for message in claim.messages:
                    yield message
                await self.service.claims.acknowledge(claim.id)
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await self.service.claims.release(claim.id)
                raise
            finally:
                self._held.discard(claim.id)

    async def _keep(self) -> None:
        while True:
            await anyio.sleep(_RENEW)
            for claim_id in list(self._held):
                try:
                    await self.service.store.inbox.renew(claim_id, LEASE_MS)
                except WeiLinkError as error:
                    # At worst the messages are given to somebody else as well.
                    logger.warning("%s", error)

    async def send(
        self,
        to: str,
        text: str = "",
        *parts: AnyPart,
        image: str | Path | None = None,
        file: str | Path | None = None,
        file_name: str = "",
        video: str | Path | None = None,
        voice: str | Path | None = None,
        progress: Progress | None = None,
    ) -> SendResult:
        """Send text and files to a user who wrote before, in the order of the parameters.

        The result tells for each part whether it was sent, queued (and why) or failed; it does
        not raise for those. `progress` is called with the bytes uploaded and those in all.
        """
        if file_name and not file:
            raise UsageError("'file_name' goes with 'file'")
        wanted: list[AnyPart] = [TextPart(text)] if text else []
        wanted += parts
        wanted += [ImagePart(Path(image))] if image else []
        wanted += [FilePart(Path(file), file_name)] if file else []
        wanted += [VideoPart(Path(video))] if video else []
        wanted += [VoicePart(Path(voice))] if voice else []
        return await self.service.sender.send(to, wanted, progress)

    async def download(
        self,
        message: str | StoredMessage,
        folder: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Downloaded:
        """Save the file of a message; see `weilink.service.media.MediaFiles.download`."""
        message_id = message if isinstance(message, str) else message.message_id
        place = Path(folder) if folder else None
        return await self.service.media.download(message_id, place, progress)

    async def history(
        self,
        *,
        user_id: str = "",
        bot_id: str = "",
        msg_type: str = "",
        direction: Direction | Literal["", "received", "sent"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text_contains: str = "",
        limit: int = 50,
        offset: int = 0,
    ) -> Page:
        """Search all messages, newest first; an empty filter does not filter.

        Raises:
            UsageError: there is no such direction, or `limit` or `offset` is too small.
        """
        if limit < 1 or offset < 0:
            raise UsageError("'limit' is at least 1 and 'offset' at least 0")
        if direction not in (None, "", *(one.value for one in Direction)):
            raise UsageError(f"'direction' is 'received' or 'sent', not {direction!r}")
        return await self.service.store.history.find(
            Query(
                user_id=user_id,
                bot_id=bot_id,
                msg_type=msg_type.upper(),
                direction=Direction(direction) if direction else None,
                since=_milliseconds(since) if since else None,
                until=_milliseconds(until) if until else None,
                text_contains=text_contains,
                limit=min(limit, _ALL),
                offset=offset,
            )
        )


def _milliseconds(when: datetime) -> int:
    try:
        return int(when.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        # Local time at the very ends of the calendar.
        return 0 if when.year < 1970 else _NEVER
