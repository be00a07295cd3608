"""Logging bots in and out."""

from __future__ import annotations

import dataclasses
import itertools
import logging

from weilink.errors import NotLoggedInError
from weilink.i18n import t
from weilink.ilink.client import ILinkClient
from weilink.ilink.login import Credentials, Login
from weilink.service.changes import Changes
from weilink.service.receiving import STALE
from weilink.store import Store
from weilink.store.credentials import BotSession, as_typed, now_seconds, shown

logger = logging.getLogger(__name__)

DEFAULT_NAME = "default"
_DEFAULT_SETTING = "default_session"
_ENDED = STALE.partition(":")[0]


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
        if not name:
            return await self.default() or DEFAULT_NAME
        # One that exists may have a name that weilink 0.6 let pass.
        credentials = self._store.credentials
        return name if name in credentials.names() else credentials.check_new(name)

    async def ended(self, session: BotSession) -> bool:
        """Return whether WeChat has said that the login of a session is no longer valid."""
        state = await self._store.bots.get(session.bot_id)
        return state.problem.startswith(_ENDED)

    async def begin(self, name: str, client: ILinkClient) -> Login:
        """Return a login that gets new credentials for `name`, whatever it has.

        The service is told which bots are logged in here already, but not of that session, nor
        of those whose login has ended: it would answer that the account is bound here, and the
        dead login would stay.
        """
        told = [s for s in self.sessions() if s.name != name and not await self.ended(s)]
        return Login(client, [session.token for session in reversed(told)])

    def bound(self, login: Login) -> list[BotSession]:
        """Return the sessions that `ALREADY_BOUND` can mean: the service does not say which."""
        return [session for session in self.sessions() if session.token in login.local_tokens]

    async def complete(
        self, name: str, credentials: Credentials, *, replace: bool = True
    ) -> BotSession:
        """Save the session of a confirmed login.

        WeChat binds an account to one bot at a time: older sessions of the same account are
        dead now, and removed. A good login of another account that has the name is kept without
        `replace`: the new one then gets a name that is free.

        Raises:
            WeiLinkError: it cannot be written.
        """
        taken = self.find(name)
        other = taken is not None and taken.user_id != credentials.user_id
        if taken and other and not replace and not await self.ended(taken):
            name = self._free_name(name)
        session = BotSession(
            name=name,
            bot_id=credentials.bot_id,
            user_id=credentials.user_id,
            base_url=credentials.base_url,
            token=credentials.token,
            created_at=now_seconds(),
        )
        before, default = self.sessions(), await self.default()
        # In this order: killed in between, the login is kept, and what waits is found by `tidy`.
        self._store.credentials.save(session)
        replaced = [name]
        for old in before:
            same_account = old.user_id and old.user_id == session.user_id
            if same_account and old.bot_id != session.bot_id:
                # What waits for the old bot would wait for ever.
                await self._store.outbox.move(old.bot_id, session.bot_id)
                await self._move_binding(old.bot_id, session.bot_id)
            if old.name != name and (same_account or old.bot_id == session.bot_id):
                logger.info("session '%s' is replaced by the new login", old.name)
                self._store.credentials.remove(old.name)
                replaced.append(old.name)
        if default in replaced and await self.default() != name:
            # Without a choice it is the oldest login, which this one is no more.
            await self._store.preferences.set(_DEFAULT_SETTING, name)
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
        session = self._existing(old)
        was_default = await self.default() == old
        self._store.credentials.rename(old, new)
        if await self.ended(session):
            # It names the session for the cure.
            await self._store.bots.set_problem(session.bot_id, STALE.format(name=as_typed(new)))
        if was_default:
            await self._store.preferences.set(_DEFAULT_SETTING, new)
        self._changes.notify()

    async def _move_binding(self, bot_id: str, new_bot_id: str) -> None:
        bindings = await self._store.bindings.all()
        if (binding := bindings.get(bot_id)) is not None:
            if new_bot_id not in bindings:
                await self._store.bindings.set(dataclasses.replace(binding, contact=new_bot_id))
            await self._store.bindings.remove(bot_id)

    def _free_name(self, name: str) -> str:
        numbered = (f"{name[:60]}-{number}" for number in itertools.count(2))
        return next(one for one in numbered if self._store.credentials.is_free(one))

    def _existing(self, name: str) -> BotSession:
        if session := self.find(name):
            return session
        names = ", ".join(session.name for session in self.sessions())
        if not names:
            raise NotLoggedInError(t("no bot is logged in: run 'weilink login'"))
        raise NotLoggedInError(
            t("there is no bot session '{name}'; there is: {names}",
              name=shown(name), names=names)
        )  # fmt: skip
