"""Queries over all messages, received and sent."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from weilink.store.database import Database
from weilink.store.inbox import COLUMNS, message_of
from weilink.store.models import Direction, StoredMessage


@dataclass(frozen=True)
class Query:
    """Filters of a history query; an empty one does not filter. Times in ms since 1970."""

    user_id: str = ""
    bot_id: str = ""
    msg_type: str = ""
    direction: Direction | None = None
    since: int | None = None
    until: int | None = None
    text_contains: str = ""
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True)
class Page:
    """One page of the messages that match, newest first, and how many match in all."""

    messages: list[StoredMessage]
    total: int


class History:
    """All messages."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, query: Query) -> Page:
        """Return the messages that match `query`."""
        return await self._db.read(_find, query)

    async def get(self, message_id: str) -> StoredMessage | None:
        """Return the message with this id."""
        return await self._db.read(_get, message_id)


def _find(db: sqlite3.Connection, query: Query) -> Page:
    conditions: list[str] = []
    values: list[object] = []
    for condition, value in (
        ("user_id = ?", query.user_id),
        ("bot_id = ?", query.bot_id),
        ("msg_type = ?", query.msg_type),
        ("direction = ?", query.direction.value if query.direction else ""),
        ("timestamp >= ?", query.since),
        ("timestamp <= ?", query.until),
        ("text LIKE ? ESCAPE '\\'", _pattern(query.text_contains)),
    ):
        if value not in ("", None):
            conditions.append(condition)
            values.append(value)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    (total,) = db.execute(f"SELECT count(*) FROM messages{where}", values).fetchone()  # noqa: S608
    rows = db.execute(
        f"SELECT {COLUMNS} FROM messages{where}"  # noqa: S608  (constants)
        " ORDER BY timestamp DESC, row DESC LIMIT ? OFFSET ?",
        (*values, query.limit, query.offset),
    )
    return Page([message_of(row) for row in rows], total)


def _pattern(text: str) -> str:
    if not text:
        return ""
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


def _get(db: sqlite3.Connection, message_id: str) -> StoredMessage | None:
    row = db.execute(
        f"SELECT {COLUMNS} FROM messages WHERE message_id = ? ORDER BY row DESC LIMIT 1",  # noqa: S608
        (message_id,),
    ).fetchone()
    return message_of(row) if row else None
