"""WeChat users, and the bots that are bound to them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class SandboxError(Exception):
    """The phone asked for what cannot be done; the text says why."""


@dataclass
class Bot:
    """A bot session: it lives from a confirmed login until it is made stale."""

    bot_id: str
    user_id: str
    token: str = field(repr=False)
    live: bool = True
    online: bool = False
    polls: int = 0


def user_id_of(name: str) -> str:
    """Return the iLink id of the user called `name`; an id is returned as it is.

    Raises:
        SandboxError: the name cannot be part of an id.
    """
    bare = name.removesuffix("@im.wechat")
    if not _NAME.fullmatch(bare):
        raise SandboxError(f"a user's name is of letters, digits, '_', '.', '-': not {name!r}")
    return f"{bare}@im.wechat"


class Accounts:
    """All users and bots. One user is bound to one live bot at a time [ilink.md, Login]."""

    def __init__(self) -> None:
        self.users: list[str] = []
        self.bots: dict[str, Bot] = {}
        self._by_token: dict[str, Bot] = {}

    def user(self, name: str) -> str:
        """Return the id of the user called `name`, who is created when new."""
        user_id = user_id_of(name)
        if user_id not in self.users:
            self.users.append(user_id)
        return user_id

    def bind(self, user_id: str) -> Bot:
        """Give the user a new bot; an older one of theirs becomes stale."""
        for bot in self.bots.values():
            if bot.user_id == user_id:
                bot.live = False
        bot_id = f"{secrets.token_hex(6)}@im.bot"
        bot = Bot(bot_id, user_id, token=f"{bot_id}:{secrets.token_hex(24)}")
        self.bots[bot_id] = bot
        self._by_token[bot.token] = bot
        return bot

    def by_token(self, token: str) -> Bot | None:
        """Return the live bot whose token this is."""
        bot = self._by_token.get(token)
        return bot if bot is not None and bot.live else None

    def bot_for(self, user_id: str, bot_id: str = "") -> Bot:
        """Return the bot a user means: the one named, their own, or the only one alive.

        Raises:
            SandboxError: there is no such bot, or several.
        """
        if bot_id:
            if bot_id not in self.bots:
                raise SandboxError(f"there is no bot {bot_id}")
            return self.bots[bot_id]
        live = [bot for bot in self.bots.values() if bot.live]
        own = [bot for bot in live if bot.user_id == user_id]
        if own or len(live) == 1:
            return (own or live)[0]
        if not live:
            raise SandboxError("no bot is logged in; scan and confirm a login first")
        raise SandboxError(f"several bots are logged in and none is of {user_id}; name one")
