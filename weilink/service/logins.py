"""Logging bots in and out."""

from __future__ import annotations

import logging

from weilink.errors import NotLoggedInError
from weilink.ilink.client import ILinkClient
from weilink.ilink.login import Credentials, Login
from weilink.service.changes import Changes
from weilink.store import Store
from weilink.store.credentials import BotSession, check_name, now_seconds

logger = logging.getLogger(__name__)

DEFAULT_NAME = "default"
_DEFAULT_SETTING = "default_session"


class Logins:
    """The bot sessions of this computer."""

    def __init__(self, store: Store, changes: Changes) -> None:
        self._store = store
        self._changes = changes

    def sessions(self) -> list[BotSession]:
        """Return every bot session, the oldest first."""
        return self._store.credentials.load()

    def find(self, name: str) -> BotSession | None:
        """Return the session `name`."""
        return next((s for s in self.sessions() if s.name == name), None)

    async def default(self) -> str:
        """Return the name of the default session: the chosen one, else the oldest, else ""."""
        names = [session.name for session in self.sessions()]
        chosen = await self._store.preferences.get(_DEFAULT_SETTING, "")
        return chosen if chosen in names else next(iter(names), "")

    async def set_default(self, name: str) -> None:
        """Make `name` the default session.

        Raises:
            NotLoggedInError: there is no such session.
        """
        self._existing(name)
        await self._store.preferences.set(_DEFAULT_SETTING, name)
        self._changes.notify()

    async def name_for_login(self, name: str) -> str:
        """Return the session that a login as `name` ("": the default one) is about."""
        return check_name(name) if name else (await self.default() or DEFAULT_NAME)

    def begin(self, client: ILinkClient) -> Login:
        """Return a login that tells the service which bots are logged in here already."""
        newest_first = [session.token for session in reversed(self.sessions())]
        return Login(client, newest_first)

    async def complete(self, name: str, credentials: Credentials) -> BotSession:
        """Save the session of a confirmed login.

        WeChat binds an account to one bot at a time: older sessions of the same account are
        dead now, and removed.
        """
        session = BotSession(
            name=name,
            bot_id=credentials.bot_id,
            user_id=credentials.user_id,
            base_url=credentials.base_url,
            token=credentials.token,
            created_at=now_seconds(),
        )
        before = self.sessions()
        # In this order: killed in between, the login is kept, and what waits is found by `tidy`.
        self._store.credentials.save(session)
        for old in before:
            same_account = old.user_id and old.user_id == session.user_id
            if same_account and old.bot_id != session.bot_id:
                # What waits for the old bot would wait for ever.
                await self._store.outbox.move(old.bot_id, session.bot_id)
            if old.name != name and (same_account or old.bot_id == session.bot_id):
                logger.info("session '%s' is replaced by the new login", old.name)
                self._store.credentials.remove(old.name)
        await self._store.bots.set_problem(session.bot_id, "")
        self._changes.notify()
        return session

    async def logout(self, name: str) -> BotSession:
        """Remove the credentials of a session ("": the default one); its history stays.

        Raises:
            NotLoggedInError: there is no such session.
        """
        session = self._existing(name or await self.default())
        self._store.credentials.remove(session.name)
        await self._store.bots.forget(session.bot_id)
        self._changes.notify()
        return session

    async def rename(self, old: str, new: str) -> None:
        """Rename a session.

        Raises:
            NotLoggedInError: there is no session `old`.
            WeiLinkError: `new` is taken or no good name.
        """
        self._existing(old)
        was_default = await self.default() == old
        self._store.credentials.rename(old, new)
        if was_default:
            await self._store.preferences.set(_DEFAULT_SETTING, new)
        self._changes.notify()

    def _existing(self, name: str) -> BotSession:
        if session := self.find(name):
            return session
        names = ", ".join(session.name for session in self.sessions())
        if not names:
            raise NotLoggedInError("no bot is logged in: run 'weilink login'")
        raise NotLoggedInError(f"there is no bot session '{name}'; there is: {names}")
