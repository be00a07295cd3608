"""Context tokens: the leave to answer a user, and its limits [ilink.md, Sending]."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from weilink.sandbox.changes import Clock
from weilink.sandbox.options import Options


class RefusedError(Exception):
    """The service says `ret` -2; the text is for the journal, the client gets the number only."""


@dataclass
class ContextToken:
    """One message's leave to answer it."""

    token: str = field(repr=False)
    user_id: str
    bot_id: str
    replies_left: int
    expires_ms: int


class Tokens:
    """All context tokens ever given."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._all: dict[str, ContextToken] = {}
        self._of: dict[tuple[str, str], list[ContextToken]] = {}

    def new(self, user_id: str, bot_id: str) -> ContextToken:
        """Return a fresh token for a message of a user to a bot."""
        token = ContextToken(
            secrets.token_urlsafe(24),
            user_id,
            bot_id,
            self._options.replies_per_token,
            self._clock.now_ms() + int(self._options.token_life_seconds * 1000),
        )
        self._all[token.token] = token
        self._of.setdefault((user_id, bot_id), []).append(token)
        return token

    def known(self, value: object, user_id: str, bot_id: str) -> ContextToken:
        """Return the token of this text, which is of this user and bot.

        Raises:
            RefusedError: there is none.
        """
        token = self._all.get(value) if isinstance(value, str) else None
        if token is None:
            raise RefusedError("the context token is missing or unknown")
        if (token.user_id, token.bot_id) != (user_id, bot_id):
            raise RefusedError("the context token is of another user or bot")
        return token

    def expired(self, token: ContextToken) -> bool:
        """Say whether the life of a token is over."""
        return self._clock.now_ms() >= token.expires_ms

    def live(self, user_id: str, bot_id: str) -> list[ContextToken]:
        """Return the tokens that can still be used, oldest first."""
        return [
            token
            for token in self._of.get((user_id, bot_id), [])
            if token.replies_left > 0 and not self.expired(token)
        ]

    def pairs(self) -> list[tuple[str, str]]:
        """Return every (user, bot) that has had a token, in the order of their first."""
        return list(self._of)

    def count(self, user_id: str, bot_id: str) -> int:
        """Return how many tokens there have been between a user and a bot."""
        return len(self._of.get((user_id, bot_id), []))

    def expire(self, user_id: str, bot_id: str) -> int:
        """End every token between a user and a bot now, and return how many that were."""
        ended = self.live(user_id, bot_id)
        for token in ended:
            token.expires_ms = self._clock.now_ms()
        return len(ended)
