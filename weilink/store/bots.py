"""What is known of each bot: its cursor, and whether polling works."""

from __future__ import annotations

import sqlite3

from weilink.store.clock import now_ms
from weilink.store.database import Database
from weilink.store.models import BotState


class Bots:
    """The state of the bots; their credentials are in `weilink.store.credentials`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, bot_id: str) -> BotState:
        """Return the state of a bot; one that was never polled has an empty cursor."""
        return await self._db.read(_get, bot_id)

    async def set_problem(self, bot_id: str, problem: str) -> None:
        """Record why polling does not work, one sentence for the user ("": it works)."""
        await self._db.write(_set_problem, bot_id, problem)

    async def forget(self, bot_id: str) -> None:
        """Drop the cursor and reply windows of a bot that was logged out; history stays."""
        await self._db.write(_forget, bot_id)


def _get(db: sqlite3.Connection, bot_id: str) -> BotState:
    values = db.execute(
        "SELECT bot_id, cursor, problem, updated_at FROM bots WHERE bot_id = ?", (bot_id,)
    ).fetchone()
    return BotState(*values) if values else BotState(bot_id, "", "", 0)


def works(db: sqlite3.Connection, bot_id: str) -> None:
    """Look again at what waits for a bot that had a problem: the reason it was given is over."""
    had = db.execute("SELECT 1 FROM bots WHERE bot_id = ? AND problem <> ''", (bot_id,)).fetchone()
    if had:
        db.execute(
            "UPDATE outbox SET reason = '', next_try_at = 0 WHERE bot_id = ? AND state = 'queued'",
            (bot_id,),
        )


def _set_problem(db: sqlite3.Connection, bot_id: str, problem: str) -> None:
    if not problem:
        works(db, bot_id)
    db.execute(
        "INSERT INTO bots (bot_id, cursor, problem, updated_at) VALUES (?, '', ?, ?)"
        " ON CONFLICT (bot_id) DO UPDATE SET problem = excluded.problem,"
        " updated_at = excluded.updated_at",
        (bot_id, problem, now_ms()),
    )


def _forget(db: sqlite3.Connection, bot_id: str) -> None:
    db.execute("DELETE FROM bots WHERE bot_id = ?", (bot_id,))
    db.execute("DELETE FROM reply_windows WHERE bot_id = ?", (bot_id,))
