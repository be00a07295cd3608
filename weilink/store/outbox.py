"""Parts of messages to be sent: written down first, sent in order, each outcome recorded."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from weilink.store.clock import now_ms
from weilink.store.database import Database
from weilink.store.models import Direction, Part, PartState
from weilink.store.windows import count_reply

_COLUMNS = "row, client_id, bot_id, user_id, item, text, state, reason, attempts, created_at"


class Outbox:
    """What is to be sent. Within a conversation one part at a time is under way."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(
        self, bot_id: str, user_id: str, parts: Sequence[tuple[str, dict[str, Any], str]]
    ) -> list[int]:
        """Queue `parts` (`client_id`, wire item, text for the history); return their rows."""
        return await self._db.write(_add, bot_id, user_id, parts)

    async def get(self, rows: Sequence[int]) -> list[Part]:
        """Return the parts `rows` as they stand, in that order."""
        return await self._db.read(_get, rows)

    async def next(self, bot_id: str, user_id: str, lease_ms: int) -> Part | None:
        """Take the oldest part of a conversation to send it now.

        `None` when there is none, or when another process is sending one. A part whose sender
        died comes again when its lease is over, with the same `client_id`.
        """
        return await self._db.write(_next, bot_id, user_id, lease_ms)

    async def sent(self, part: Part, message_id: str, token: str) -> None:
        """Record that iLink accepted the part on `token`; put it into the history."""
        await self._db.write(_sent, part, message_id, token)

    async def hold(
        self, bot_id: str, user_id: str, reason: str, next_try_at: int, row: int = 0
    ) -> None:
        """Record why a conversation's parts do not go out now, and when to try again (ms).

        `row` is the part that the caller was sending, if any: it is queued again. Those that
        wait get its reason; one that another process is sending right now is left alone.
        """
        await self._db.write(_hold, bot_id, user_id, reason, next_try_at, row)

    async def failed(self, row: int, reason: str) -> None:
        """Record that the part will not be sent, and why."""
        await self._db.write(_settle, row, PartState.FAILED, reason)

    async def due(self) -> list[tuple[str, str, int]]:
        """Return the conversations with parts to send: bot, user, when the first is due."""
        return await self._db.read(_due)

    async def counts(self) -> dict[PartState, int]:
        """Return how many parts are in which state."""
        return await self._db.read(_counts)


def _part(values: tuple[Any, ...]) -> Part:
    row, client_id, bot_id, user_id, item, text, state, reason, attempts, created_at = values
    return Part(
        row=row,
        client_id=client_id,
        bot_id=bot_id,
        user_id=user_id,
        item=json.loads(item),
        text=text,
        state=PartState(state),
        reason=reason,
        attempts=attempts,
        created_at=created_at,
    )


def _add(
    db: sqlite3.Connection,
    bot_id: str,
    user_id: str,
    parts: Sequence[tuple[str, dict[str, Any], str]],
) -> list[int]:
    now = now_ms()
    rows = []
    for client_id, item, text in parts:
        row = db.execute(
            "INSERT INTO outbox (client_id, bot_id, user_id, item, text, state, reason, attempts,"
            " lease_until, next_try_at, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, 'queued', '', 0, 0, 0, ?, ?)",
            (client_id, bot_id, user_id, json.dumps(item, ensure_ascii=False), text, now, now),
        ).lastrowid
        assert row is not None  # noqa: S101  (an INSERT has one)
        rows.append(row)
    return rows


def _get(db: sqlite3.Connection, rows: Sequence[int]) -> list[Part]:
    query = f"SELECT {_COLUMNS} FROM outbox WHERE row = ?"  # noqa: S608  (constants)
    return [_part(db.execute(query, (row,)).fetchone()) for row in rows]


def _next(db: sqlite3.Connection, bot_id: str, user_id: str, lease_ms: int) -> Part | None:
    now = now_ms()
    values = db.execute(
        f"SELECT {_COLUMNS}, lease_until FROM outbox"  # noqa: S608  (constants)
        " WHERE bot_id = ? AND user_id = ? AND state IN ('queued', 'sending')"
        " ORDER BY row LIMIT 1",
        (bot_id, user_id),
    ).fetchone()
    if values is None or (values[6] == "sending" and values[-1] > now):
        return None
    part = _part(values[:-1])
    db.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, lease_until = ?,"
        " updated_at = ? WHERE row = ?",
        (now + lease_ms, now, part.row),
    )
    return part


def _sent(db: sqlite3.Connection, part: Part, message_id: str, token: str) -> None:
    now = now_ms()
    _settle(db, part.row, PartState.SENT, "")
    count_reply(db, part.bot_id, part.user_id, token)
    db.execute(
        "INSERT OR IGNORE INTO messages (bot_id, message_id, user_id, direction, msg_type, text,"
        " timestamp, delivery, raw, stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'none', ?, ?)",
        (
            part.bot_id,
            # The service gives no id on some answers; ours is unique as well.
            message_id or part.client_id,
            part.user_id,
            Direction.SENT.value,
            "TEXT",
            part.text,
            now,
            json.dumps({"item_list": [part.item]}, ensure_ascii=False),
            now,
        ),
    )


def _settle(db: sqlite3.Connection, row: int, state: PartState, reason: str) -> None:
    db.execute(
        "UPDATE outbox SET state = ?, reason = ?, next_try_at = 0, lease_until = 0,"
        " updated_at = ? WHERE row = ?",
        (state.value, reason, now_ms(), row),
    )


def _hold(
    db: sqlite3.Connection, bot_id: str, user_id: str, reason: str, next_try_at: int, row: int
) -> None:
    now = now_ms()
    db.execute(
        "UPDATE outbox SET state = 'queued', reason = ?, next_try_at = ?, lease_until = 0,"
        " updated_at = ? WHERE bot_id = ? AND user_id = ? AND state IN ('queued', 'sending')"
        " AND (state = 'queued' OR row = ? OR lease_until <= ?)",
        (reason, next_try_at, now, bot_id, user_id, row, now),
    )


def _due(db: sqlite3.Connection) -> list[tuple[str, str, int]]:
    # The oldest part decides for its conversation: a later one never overtakes it.
    return db.execute(
        "SELECT bot_id, user_id, max(next_try_at, lease_until) FROM outbox WHERE row IN"
        " (SELECT min(row) FROM outbox WHERE state IN ('queued', 'sending')"
        " GROUP BY bot_id, user_id)"
    ).fetchall()


def _counts(db: sqlite3.Connection) -> dict[PartState, int]:
    return {
        PartState(state): count
        for state, count in db.execute("SELECT state, count(*) FROM outbox GROUP BY state")
    }
