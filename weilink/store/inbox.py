"""Received messages: stored together with their cursor, claimed by readers, acknowledged."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence

from weilink.store.clock import now_ms
from weilink.store.database import Database
from weilink.store.models import Claim, Delivery, Direction, NewMessage, StoredMessage
from weilink.store.windows import remember_token

COLUMNS = "row, bot_id, message_id, user_id, direction, msg_type, text, timestamp, delivery, raw"
CLAIM_AT_MOST = 200
"""Messages that are looked at for one claim; the rest waits for the next."""

_OPEN = "SELECT 1 FROM messages WHERE delivery IN ('pending', 'claimed') LIMIT 1"

Fit = Callable[[Sequence[StoredMessage], int], int]
"""Given the oldest messages and how many are pending in all: how many of them to take."""


class Inbox:
    """Received messages on their way to an agent.

    A message is pending until a reader claims it, claimed until the reader acknowledges, and
    pending again when the lease is over first. While a conversation has claimed messages nobody
    else gets its later ones, so that its order holds whatever becomes of the first reader.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    async def commit_batch(self, bot_id: str, cursor: str, messages: Sequence[NewMessage]) -> int:
        """Store a batch, its context tokens and its cursor in one transaction.

        An empty `cursor` leaves the old one. Messages that are there already are dropped.
        Returns how many were new.
        """
        return await self._db.write(_commit_batch, bot_id, cursor, messages)

    async def claim(self, reader: str, lease_ms: int, fit: Fit) -> Claim | None:
        """Give the oldest pending messages to `reader`; `None` when there are none to have."""
        # Most prompts find nothing. A read costs no write lock and no sync of the disk.
        if not self._db.peek(_OPEN):
            return None
        return await self._db.write(_claim, reader, lease_ms, fit)

    async def acknowledge(self, claim_id: str) -> bool:
        """The reader has written the messages where its agent reads them.

        Returns whether the claim still held. An acknowledgement that comes after the lease
        counts all the same as long as nobody else has claimed the messages.
        """
        return await self._db.write(_acknowledge, claim_id)

    async def release(self, claim_id: str) -> None:
        """The reader could not deliver the messages: pending again."""
        await self._db.write(_release, claim_id)

    async def counts(self) -> dict[Delivery, int]:
        """Return how many received messages stand where on their way to an agent."""
        return await self._db.read(_counts)

    async def next_expiry(self) -> int | None:
        """Return when the next open lease ends (ms since 1970), `None` when none is open."""
        return await self._db.read(_next_expiry)


def message_of(values: tuple[object, ...]) -> StoredMessage:
    """Build a message from a row of `COLUMNS`."""
    row, bot_id, message_id, user_id, direction, msg_type, text, timestamp, delivery, raw = values
    assert isinstance(row, int) and isinstance(timestamp, int)  # noqa: S101  (our own schema)
    return StoredMessage(
        row=row,
        bot_id=str(bot_id),
        message_id=str(message_id),
        user_id=str(user_id),
        direction=Direction(direction),
        msg_type=str(msg_type),
        text=str(text),
        timestamp=timestamp,
        delivery=Delivery(delivery),
        raw=json.loads(str(raw)),
    )


def _commit_batch(
    db: sqlite3.Connection, bot_id: str, cursor: str, messages: Sequence[NewMessage]
) -> int:
    now = now_ms()
    new = 0
    for message in messages:
        stored = db.execute(
            "INSERT OR IGNORE INTO messages (bot_id, message_id, user_id, direction, msg_type,"
            " text, timestamp, delivery, raw, stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                bot_id,
                message.message_id,
                message.user_id,
                Direction.RECEIVED.value,
                message.msg_type,
                message.text,
                message.timestamp,
                message.delivery.value,
                json.dumps(message.raw, ensure_ascii=False),
                now,
            ),
        ).rowcount
        new += stored
        # A repeated batch must not bring back a token that newer messages have replaced.
        if stored and message.context_token:
            remember_token(db, bot_id, message.user_id, message.context_token, now)
    db.execute(
        "INSERT INTO bots (bot_id, cursor, problem, updated_at) VALUES (?, ?, '', ?)"
        " ON CONFLICT (bot_id) DO UPDATE SET problem = '', updated_at = excluded.updated_at,"
        " cursor = CASE excluded.cursor WHEN '' THEN cursor ELSE excluded.cursor END",
        (bot_id, cursor, now),
    )
    return new


def _claim(db: sqlite3.Connection, reader: str, lease_ms: int, fit: Fit) -> Claim | None:
    now = now_ms()
    for (expired,) in db.execute(
        "SELECT id FROM claims WHERE state = 'open' AND expires_at <= ?", (now,)
    ).fetchall():
        _release(db, expired)
    # The IN is implied by what follows, and what lets SQLite use the small partial index.
    free = (
        " FROM messages AS m WHERE delivery IN ('pending', 'claimed') AND delivery = 'pending'"
        " AND NOT EXISTS (SELECT 1 FROM messages AS c WHERE c.delivery = 'claimed'"
        " AND c.bot_id = m.bot_id AND c.user_id = m.user_id)"
    )
    (waiting,) = db.execute("SELECT count(*)" + free).fetchone()
    oldest = [
        message_of(values)
        for values in db.execute(f"SELECT {COLUMNS}{free} ORDER BY row LIMIT {CLAIM_AT_MOST}")
    ]
    taken = oldest[: fit(oldest, waiting)] if oldest else []
    if not taken:
        return None
    claim_id = secrets.token_hex(16)
    db.execute(
        "INSERT INTO claims (id, reader, state, created_at, expires_at)"
        " VALUES (?, ?, 'open', ?, ?)",
        (claim_id, reader, now, now + lease_ms),
    )
    db.executemany(
        "UPDATE messages SET delivery = 'claimed', claim_id = ? WHERE row = ?",
        [(claim_id, message.row) for message in taken],
    )
    return Claim(claim_id, tuple(taken), waiting - len(taken))


def _acknowledge(db: sqlite3.Connection, claim_id: str) -> bool:
    db.execute("UPDATE claims SET state = 'acknowledged' WHERE id = ?", (claim_id,))
    # A release keeps claim_id on the messages, so that a late acknowledgement finds those that
    # nobody else has claimed since.
    return (
        db.execute(
            "UPDATE messages SET delivery = 'delivered'"
            " WHERE claim_id = ? AND delivery IN ('claimed', 'pending')",
            (claim_id,),
        ).rowcount
        > 0
    )


def _release(db: sqlite3.Connection, claim_id: str) -> None:
    db.execute("UPDATE claims SET state = 'released' WHERE id = ? AND state = 'open'", (claim_id,))
    db.execute(
        "UPDATE messages SET delivery = 'pending' WHERE claim_id = ? AND delivery = 'claimed'",
        (claim_id,),
    )


def _counts(db: sqlite3.Connection) -> dict[Delivery, int]:
    rows = db.execute(
        "SELECT delivery, count(*) FROM messages WHERE direction = 'received' GROUP BY delivery"
    )
    return {Delivery(name): count for name, count in rows}


def _next_expiry(db: sqlite3.Connection) -> int | None:
    (expires,) = db.execute("SELECT min(expires_at) FROM claims WHERE state = 'open'").fetchone()
    return expires if isinstance(expires, int) else None
