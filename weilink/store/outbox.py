"""Parts of messages to be sent: written down first, sent in order, each outcome recorded."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from weilink.store.clock import now_ms
from weilink.store.database import Database
from weilink.store.messages import insert
from weilink.store.models import Delivery, Direction, NewPart, Part, PartState, Upload
from weilink.store.quotes import was_stored
from weilink.store.text import storable
from weilink.store.windows import count_reply
from weilink.store.working import end

_FIELDS = [field.name for field in dataclasses.fields(Part)]
_COLUMNS = ", ".join(_FIELDS)

MOVED = "its bot was logged in anew; it goes out when the user writes to the new one"

LIFE_MS = 3 * 24 * 3600 * 1000
"""How long a part waits before it is given up: older answers confuse more than they help."""


class Outbox:
    """What is to be sent. Within a conversation one part at a time is under way."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(
        self, bot_id: str, user_id: str, parts: Sequence[NewPart], reserved_ms: int = 0
    ) -> list[int]:
        """Queue `parts` and return their rows.

        For `reserved_ms` they are not due, so that the caller, who sends them at once, is not
        overtaken by the leader; should the caller die, they are due after that.
        """
        return await self._db.write(_add, bot_id, user_id, parts, reserved_ms)

    async def get(self, rows: Sequence[int]) -> list[Part]:
        """Return the parts `rows` as they stand, in that order."""
        return await self._db.read(_get, rows)

    async def next(self, bot_id: str, user_id: str, lease_ms: int) -> Part | None:
        """Take the oldest part of a conversation to send it now.

        `None` when there is none, or when another process is sending one. A part whose sender
        died comes again when its lease is over, with the same `client_id`.
        """
        return await self._db.write(_next, bot_id, user_id, lease_ms)

    async def renew(self, row: int, lease_ms: int) -> None:
        """Keep a part that takes long for `lease_ms` more."""
        await self._db.write(_renew, row, lease_ms)

    async def uploaded(self, row: int, item: dict[str, Any]) -> None:
        """Record that the file of the part is on the media service; `item` refers to it."""
        await self._db.write(_uploaded, row, item)

    async def sent(self, part: Part, message_id: str, token: str) -> None:
        """Record that iLink accepted the part on `token`; put it into the history."""
        await self._db.write(_sent, part, message_id, token)

    async def hold(
        self,
        bot_id: str,
        user_id: str,
        reason: str,
        next_try_at: int,
        row: int = 0,
        *,
        refused: bool = False,
        error: bool = False,
    ) -> None:
        """Record why a conversation's parts do not go out now, and when to try again (ms).

        `row` is the part that the caller was sending, if any: it is queued again, and its
        refusals or errors are counted. Those that wait get its reason; one that another process
        is sending right now is left alone.
        """
        await self._db.write(
            _hold, bot_id, user_id, reason, next_try_at, row, int(refused), int(error)
        )

    async def failed(self, row: int, reason: str, *, only_queued: bool = False) -> bool:
        """Record that the part will not be sent, and why. False when it was settled before.

        With `only_queued` also when somebody is sending it.
        """
        return await self._db.write(_fail, row, reason, only_queued)

    async def expire(self, reason: str) -> list[Part]:
        """Give up the queued parts whose time is over; return them."""
        return await self._db.write(_expire, reason)

    async def move(self, bot_id: str, new_bot_id: str) -> None:
        """Let what waits for one bot go out through another that has taken its place."""
        await self._db.write(_move, bot_id, new_bot_id)

    async def due(self) -> list[tuple[str, str, int]]:
        """Return the conversations with parts to send: bot, user, when the first is due."""
        return await self._db.read(_due)

    async def waiting(self, bot_id: str, user_id: str) -> int:
        """Return how many parts of a conversation are not settled yet."""
        return await self._db.read(_waiting, bot_id, user_id)

    async def gives_ids(self) -> bool:
        """Return whether the service has given one of the latest messages an id."""
        return await self._db.read(_gives_ids)

    async def open_client_ids(self) -> set[str]:
        """Return the `client_id` of every part that is not settled."""
        return await self._db.read(_open_client_ids)

    async def unsettled(self, limit: int = 100) -> list[Part]:
        """Return the parts that were not sent, queued and failed, the newest first."""
        return await self._db.read(_unsettled, limit)

    async def retry(self, row: int) -> bool:
        """Queue a part that waits or has failed, to be sent now. False when it is neither."""
        return await self._db.write(_retry, row)

    async def drop(self, row: int) -> bool:
        """Remove a part that waits or has failed. False when it is neither."""
        return await self._db.write(_drop, row)

    async def counts(self) -> dict[PartState, int]:
        """Return how many parts are in which state."""
        return await self._db.read(_counts)


def _part(values: tuple[Any, ...]) -> Part:
    found = dict(zip(_FIELDS, values, strict=True))
    found["item"] = json.loads(found["item"])
    found["state"] = PartState(found["state"])
    found["upload"] = Upload(**json.loads(found["upload"])) if found["upload"] else None
    return Part(**found)


def _add(
    db: sqlite3.Connection,
    bot_id: str,
    user_id: str,
    parts: Sequence[NewPart],
    reserved_ms: int,
) -> list[int]:
    now = now_ms()
    rows = []
    for part in parts:
        upload = json.dumps(dataclasses.asdict(part.upload)) if part.upload else ""
        row = db.execute(
            "INSERT INTO outbox (client_id, bot_id, user_id, item, text, state, reason, attempts,"
            " lease_until, next_try_at, created_at, updated_at, msg_type, upload, run_id,"
            " expires_at) VALUES (?, ?, ?, ?, ?, 'queued', '', 0, 0, ?, ?, ?, ?, ?, ?, ?)",
            (
                part.client_id,
                bot_id,
                user_id,
                json.dumps(part.item),
                storable(part.text),
                now + reserved_ms,
                now,
                now,
                part.msg_type,
                upload,
                part.run_id,
                now + LIFE_MS,
            ),
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
    if values is None:
        return None
    part, lease_until = _part(values[:-1]), values[-1]
    # A lease that ends later than one taken now was written before the clock was set back.
    if part.state is PartState.SENDING and now < lease_until <= now + lease_ms:
        return None
    db.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, lease_until = ?,"
        " updated_at = ? WHERE row = ?",
        (now + lease_ms, now, part.row),
    )
    return part


def _renew(db: sqlite3.Connection, row: int, lease_ms: int) -> None:
    db.execute(
        "UPDATE outbox SET lease_until = ? WHERE row = ? AND state = 'sending'",
        (now_ms() + lease_ms, row),
    )


def _uploaded(db: sqlite3.Connection, row: int, item: dict[str, Any]) -> None:
    db.execute(
        "UPDATE outbox SET item = ?, uploaded_at = ? WHERE row = ?",
        (json.dumps(item), now_ms(), row),
    )


def _sent(db: sqlite3.Connection, part: Part, message_id: str, token: str) -> None:
    now = now_ms()
    settled = _settle(db, part.row, PartState.SENT, "")
    if not settled:
        # Two senders (a lease that ran out under one of them) and one message: counted once.
        return
    count_reply(db, part.bot_id, part.user_id, token)
    if part.msg_type != "TOOL":
        end(db, part.bot_id, part.user_id)
    insert(
        db,
        bot_id=part.bot_id,
        # The service gives no id on some answers; ours is unique as well.
        message_id=message_id or part.client_id,
        user_id=part.user_id,
        direction=Direction.SENT,
        msg_type=part.msg_type,
        text=part.text,
        timestamp=now,
        delivery=Delivery.NONE,
        raw={"item_list": [part.item]},
    )
    was_stored(db, part.bot_id, message_id)


def _settle(db: sqlite3.Connection, row: int, state: PartState, reason: str) -> bool:
    return (
        db.execute(
            "UPDATE outbox SET state = ?, reason = ?, next_try_at = 0, lease_until = 0,"
            " updated_at = ? WHERE row = ? AND state IN ('queued', 'sending')",
            (state.value, reason, now_ms(), row),
        ).rowcount
        > 0
    )


def _fail(db: sqlite3.Connection, row: int, reason: str, only_queued: bool) -> bool:
    state = "SELECT 1 FROM outbox WHERE row = ? AND state = 'sending'"
    if only_queued and db.execute(state, (row,)).fetchone():
        return False
    return _settle(db, row, PartState.FAILED, reason)


def _hold(
    db: sqlite3.Connection,
    bot_id: str,
    user_id: str,
    reason: str,
    next_try_at: int,
    row: int,
    refused: int,
    error: int,
) -> None:
    now = now_ms()
    db.execute(
        "UPDATE outbox SET refusals = refusals + ?, errors = errors + ? WHERE row = ?",
        (refused, error, row),
    )
    db.execute(
        "UPDATE outbox SET state = 'queued', reason = ?, next_try_at = ?, lease_until = 0,"
        " updated_at = ? WHERE bot_id = ? AND user_id = ? AND state IN ('queued', 'sending')"
        " AND (state = 'queued' OR row = ? OR lease_until <= ?)",
        (reason, next_try_at, now, bot_id, user_id, row, now),
    )


def _expire(db: sqlite3.Connection, reason: str) -> list[Part]:
    query = f"SELECT {_COLUMNS} FROM outbox WHERE state = 'queued' AND expires_at <= ?"  # noqa: S608
    parts = [_part(values) for values in db.execute(query, (now_ms(),)).fetchall()]
    for part in parts:
        _settle(db, part.row, PartState.FAILED, f"{reason} (it waited because: {part.reason})")
    return parts


def _move(db: sqlite3.Connection, bot_id: str, new_bot_id: str) -> None:
    db.execute(
        # What was said before, to log in perhaps, has been done.
        "UPDATE outbox SET bot_id = ?, reason = ?, next_try_at = 0"
        " WHERE bot_id = ? AND state IN ('queued', 'sending')",
        (new_bot_id, MOVED, bot_id),
    )


def _due(db: sqlite3.Connection) -> list[tuple[str, str, int]]:
    # The oldest part decides for its conversation: a later one never overtakes it.
    return db.execute(
        "SELECT bot_id, user_id, max(next_try_at, lease_until) FROM outbox WHERE row IN"
        " (SELECT min(row) FROM outbox WHERE state IN ('queued', 'sending')"
        " GROUP BY bot_id, user_id)"
    ).fetchall()


def _waiting(db: sqlite3.Connection, bot_id: str, user_id: str) -> int:
    (count,) = db.execute(
        "SELECT count(*) FROM outbox WHERE bot_id = ? AND user_id = ?"
        " AND state IN ('queued', 'sending')",
        (bot_id, user_id),
    ).fetchone()
    return int(count)


def _gives_ids(db: sqlite3.Connection) -> bool:
    # Whatever has none is in the history under its client_id.
    found = db.execute(
        "SELECT 1 FROM (SELECT message_id FROM messages WHERE direction = 'sent'"
        " ORDER BY row DESC LIMIT 100) AS m WHERE NOT EXISTS"
        " (SELECT 1 FROM outbox AS o WHERE o.client_id = m.message_id) LIMIT 1"
    )
    return found.fetchone() is not None


def _open_client_ids(db: sqlite3.Connection) -> set[str]:
    found = db.execute("SELECT client_id FROM outbox WHERE state IN ('queued', 'sending')")
    return {client_id for (client_id,) in found}


def _unsettled(db: sqlite3.Connection, limit: int) -> list[Part]:
    query = f"SELECT {_COLUMNS} FROM outbox WHERE state <> 'sent' ORDER BY row DESC LIMIT ?"  # noqa: S608
    return [_part(values) for values in db.execute(query, (limit,))]


def _counts(db: sqlite3.Connection) -> dict[PartState, int]:
    return {
        PartState(state): count
        for state, count in db.execute("SELECT state, count(*) FROM outbox GROUP BY state")
    }


def _retry(db: sqlite3.Connection, row: int) -> bool:
    now = now_ms()
    changed = db.execute(
        "UPDATE outbox SET state = 'queued', next_try_at = 0, refusals = 0, errors = 0,"
        " updated_at = ?, expires_at = ? WHERE row = ? AND state IN ('queued', 'failed')",
        (now, now + LIFE_MS, row),
    )
    return changed.rowcount > 0


def _drop(db: sqlite3.Connection, row: int) -> bool:
    gone = db.execute("DELETE FROM outbox WHERE row = ? AND state IN ('queued', 'failed')", (row,))
    return gone.rowcount > 0
