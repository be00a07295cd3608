"""Reply windows: the newest context token of each user, and how many replies it has carried."""

from __future__ import annotations

import sqlite3
from typing import Any

from weilink.store.database import Database
from weilink.store.models import ReplyWindow
from weilink.store.text import storable

_COLUMNS = (
    "bot_id, user_id, token, received_at, replies_used, dead, typed,"
    " reserve_token, reserve_at, reserve_used"
)


class Windows:
    """Who can be answered, through which bot, how often."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, bot_id: str, user_id: str) -> ReplyWindow | None:
        """Return the window of a user with a bot; `None` when they never wrote to it."""
        return await self._db.read(_get, bot_id, user_id)

    async def of_user(self, user_id: str) -> list[ReplyWindow]:
        """Return the windows of a user with every bot, the freshest first."""
        return [window for window in await self.all() if window.user_id == user_id]

    async def all(self) -> list[ReplyWindow]:
        """Return every window, the freshest first."""
        return await self._db.read(_all)

    async def died(self, bot_id: str, user_id: str, token: str) -> None:
        """Note that iLink refused `token`: spent or expired."""
        await self._db.write(_died, bot_id, user_id, token)

    async def fall_back(self, bot_id: str, user_id: str, token: str) -> bool:
        """Go on with the token that the user had before `token`. False when there is none."""
        return await self._db.write(_fall_back, bot_id, user_id, token)


def remember_token(
    db: sqlite3.Connection, bot_id: str, user_id: str, token: str, received_at: int
) -> None:
    """Make `token` the user's newest, inside the transaction that stores its message."""
    # The same token again (a service that repeats it) must not bring back replies already used.
    token = storable(token)
    db.execute(
        f"INSERT INTO reply_windows ({_COLUMNS}, arrival)"  # noqa: S608
        " VALUES (?, ?, ?, ?, 0, 0, 0, '', 0, 0,"
        " (SELECT coalesce(max(arrival), 0) + 1 FROM reply_windows))"
        " ON CONFLICT (bot_id, user_id) DO UPDATE SET token = excluded.token,"
        " reserve_token = CASE dead WHEN 0 THEN token ELSE '' END, reserve_at = received_at,"
        " reserve_used = replies_used + typed,"
        " received_at = excluded.received_at, replies_used = 0, dead = 0, typed = 0,"
        " arrival = excluded.arrival WHERE token <> excluded.token",
        (bot_id, storable(user_id), token, received_at),
    )


def _window(values: tuple[Any, ...]) -> ReplyWindow:
    found = dict(zip(_COLUMNS.split(", "), values, strict=True))
    return ReplyWindow(**found | {"dead": bool(found["dead"])})


def _get(db: sqlite3.Connection, bot_id: str, user_id: str) -> ReplyWindow | None:
    query = f"SELECT {_COLUMNS} FROM reply_windows WHERE bot_id = ? AND user_id = ?"  # noqa: S608
    values = db.execute(query, (bot_id, user_id)).fetchone()
    return _window(values) if values else None


def _all(db: sqlite3.Connection) -> list[ReplyWindow]:
    query = f"SELECT {_COLUMNS} FROM reply_windows ORDER BY arrival DESC, received_at DESC"  # noqa: S608
    return [_window(values) for values in db.execute(query)]


def count_reply(db: sqlite3.Connection, bot_id: str, user_id: str, token: str) -> None:
    """Count a reply that iLink accepted, inside the transaction that records it."""
    db.execute(
        "UPDATE reply_windows SET replies_used = replies_used + 1"
        " WHERE bot_id = ? AND user_id = ? AND token = ?",
        (bot_id, user_id, token),
    )


def _died(db: sqlite3.Connection, bot_id: str, user_id: str, token: str) -> None:
    db.execute(
        "UPDATE reply_windows SET dead = 1 WHERE bot_id = ? AND user_id = ? AND token = ?",
        (bot_id, user_id, token),
    )


def _fall_back(db: sqlite3.Connection, bot_id: str, user_id: str, token: str) -> bool:
    return (
        db.execute(
            "UPDATE reply_windows SET token = reserve_token, received_at = reserve_at,"
            " replies_used = reserve_used, reserve_token = '', dead = 0, typed = 0"
            " WHERE bot_id = ? AND user_id = ? AND token = ? AND reserve_token <> ''",
            (bot_id, user_id, token),
        ).rowcount
        > 0
    )
