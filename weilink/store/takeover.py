"""Putting what others' files hold into the store. Doing it twice changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from weilink.store.clock import now_ms
from weilink.store.database import Database
from weilink.store.legacy import OldMessage, OldSession
from weilink.store.messages import insert, known
from weilink.store.models import Delivery
from weilink.store.windows import remember_token


class TakeOver:
    """Imports bots and messages."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def session(self, session: OldSession) -> int:
        """Take over cursor and context tokens of a bot; return how many tokens.

        What this store knows itself is newer and stays.
        """
        return await self._db.write(_session, session)

    async def messages(self, messages: Sequence[OldMessage], *, dry_run: bool = False) -> int:
        """Take over messages, as ones that were delivered long ago; return how many were new."""
        if dry_run:
            return await self._db.read(_new, messages)
        return await self._db.write(_messages, messages)


def _session(db: sqlite3.Connection, session: OldSession) -> int:
    db.execute(
        "INSERT INTO bots (bot_id, cursor, problem, updated_at) VALUES (?, ?, '', ?)"
        " ON CONFLICT (bot_id) DO UPDATE SET cursor = excluded.cursor WHERE cursor = ''",
        (session.bot_id, session.cursor, now_ms()),
    )
    taken = 0
    for window in session.windows:
        known = "SELECT 1 FROM reply_windows WHERE bot_id = ? AND user_id = ?"
        key = (session.bot_id, window.user_id)
        if db.execute(known, key).fetchone():
            continue
        remember_token(db, *key, window.token, window.received_at)
        db.execute(
            # Behind all that came here itself, and among each other in the order of their time.
            "UPDATE reply_windows SET replies_used = ?, arrival = 0"
            " WHERE bot_id = ? AND user_id = ?",
            (window.replies_used, *key),
        )
        taken += 1
    return taken


def _new(db: sqlite3.Connection, messages: Sequence[OldMessage]) -> int:
    return sum(
        not known(db, message.bot_id, message.direction, message.message_id) for message in messages
    )


def _messages(db: sqlite3.Connection, messages: Sequence[OldMessage]) -> int:
    return sum(
        insert(
            db,
            bot_id=message.bot_id,
            message_id=message.message_id,
            user_id=message.user_id,
            direction=message.direction,
            msg_type=message.msg_type,
            text=message.text,
            timestamp=message.timestamp,
            delivery=Delivery.DELIVERED if message.direction.value == "received" else Delivery.NONE,
            raw=message.raw,
            quote=message.quote,
        )
        for message in messages
    )
