"""For whom an agent works now, and what the phone shows of it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from weilink.store.clock import now_ms
from weilink.store.database import Database

LONGEST_MS = 5 * 60 * 1000
"""After this the typing ends, whatever became of the agent."""


@dataclass(frozen=True)
class Work:
    """Somebody whose message an agent has got. `over`: answered, or too long ago."""

    bot_id: str
    user_id: str
    over: bool
    shown: bool


class Working:
    """Begins when a message is handed over, ends with an answer."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[Work]:
        """Return everybody for whom work goes on or typing is shown."""
        return await self._db.read(_all)

    async def of(self, reader: str) -> list[tuple[str, str]]:
        """Return whom (bot, user) the agent that claims as `reader` works for."""
        # Asked when a turn ends and after tool calls: nearly always nobody waits for an answer.
        if not self._db.peek("SELECT 1 FROM working WHERE until > 0 LIMIT 1"):
            return []
        return await self._db.read(_of, reader)

    async def end(self, bot_id: str, user_id: str) -> None:
        """Nobody works for this user any more."""
        await self._db.write(end, bot_id, user_id)

    async def shown(self, bot_id: str, user_id: str, token: str) -> None:
        """Record, before it is done, that typing is shown: it must be ended whoever dies."""
        await self._db.write(_shown, bot_id, user_id, token)

    async def ended(self, bot_id: str, user_id: str, token: str) -> None:
        """Record that typing was ended."""
        await self._db.write(_ended, bot_id, user_id, token)


def begin(db: sqlite3.Connection, claim_id: str) -> None:
    """The messages of a claim have reached an agent, inside the transaction that says so."""
    db.execute(
        "INSERT INTO working (bot_id, user_id, until) SELECT DISTINCT bot_id, user_id, ?"
        " FROM messages WHERE claim_id = ?"
        " AND (SELECT reader FROM claims WHERE id = ?) <> 'shell'"
        " ON CONFLICT (bot_id, user_id) DO UPDATE SET until = excluded.until",
        (now_ms() + LONGEST_MS, claim_id, claim_id),
    )


def end(db: sqlite3.Connection, bot_id: str, user_id: str) -> None:
    """An answer was sent, inside the transaction that records it."""
    db.execute("UPDATE working SET until = 0 WHERE bot_id = ? AND user_id = ?", (bot_id, user_id))


def _all(db: sqlite3.Connection) -> list[Work]:
    now = now_ms()
    return [
        # An end further away than any was written before the clock was set back.
        Work(bot_id, user_id, not now < until <= now + LONGEST_MS, bool(shown))
        for bot_id, user_id, until, shown in db.execute(
            "SELECT bot_id, user_id, until, shown FROM working"
        )
    ]


def _of(db: sqlite3.Connection, reader: str) -> list[tuple[str, str]]:
    # The claims of the last minutes alone can be what somebody works on.
    return db.execute(
        "SELECT DISTINCT w.bot_id, w.user_id FROM claims AS c"
        " JOIN messages AS m ON m.claim_id = c.id"
        " JOIN working AS w ON w.bot_id = m.bot_id AND w.user_id = m.user_id"
        " WHERE c.reader = ? AND c.created_at > ? AND w.until > 0",
        (reader, now_ms() - LONGEST_MS),
    ).fetchall()


def _shown(db: sqlite3.Connection, bot_id: str, user_id: str, token: str) -> None:
    db.execute("UPDATE working SET shown = 1 WHERE bot_id = ? AND user_id = ?", (bot_id, user_id))
    _count(db, bot_id, user_id, token)


def _ended(db: sqlite3.Connection, bot_id: str, user_id: str, token: str) -> None:
    db.execute(
        "DELETE FROM working WHERE bot_id = ? AND user_id = ? AND until <= ?",
        (bot_id, user_id, now_ms()),
    )
    # A new message may have come in between: it is shown anew.
    db.execute("UPDATE working SET shown = 0 WHERE bot_id = ? AND user_id = ?", (bot_id, user_id))
    _count(db, bot_id, user_id, token)


def _count(db: sqlite3.Connection, bot_id: str, user_id: str, token: str) -> None:
    if token:
        db.execute(
            "UPDATE reply_windows SET typed = typed + 1"
            " WHERE bot_id = ? AND user_id = ? AND token = ?",
            (bot_id, user_id, token),
        )
