"""One row of `messages`: written in one place, with all that is found by it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from weilink.store import blocks, search
from weilink.store.clock import now_ms
from weilink.store.models import Delivery, Direction, Quote, StoredMessage
from weilink.store.text import storable

COLUMNS = (
    "row, bot_id, message_id, user_id, direction, msg_type, text, timestamp, delivery, raw,"
    " group_id, quote"
)
LATEST = 10**14
"""Milliseconds; the year 5138. A time beyond it is a mistake, and no calendar can show it."""


def insert(
    db: sqlite3.Connection,
    *,
    bot_id: str,
    message_id: str,
    user_id: str,
    direction: Direction,
    msg_type: str,
    text: str,
    timestamp: int,
    delivery: Delivery,
    raw: dict[str, Any],
    group_id: str = "",
    quote: Quote | None = None,
) -> bool:
    """Store a message; return whether it was new.

    Whatever the strings hold, this does not fail: a message that cannot be stored would hold up
    all that come after it.
    """
    bot_id, message_id, user_id = storable(bot_id), storable(message_id), storable(user_id)
    msg_type, text, group_id = storable(msg_type), storable(text), storable(group_id)
    if known(db, bot_id, direction, message_id):
        return False
    timestamp = min(max(timestamp, 0), LATEST)
    (row,) = db.execute("SELECT coalesce(max(row), 0) + 1 FROM messages").fetchone()
    place = search.place_of(db, timestamp, row)
    values = (user_id, bot_id, msg_type, direction.value)
    slot = blocks.add(db, place, blocks.facets_of(*values))
    db.execute(
        "INSERT INTO messages (row, bot_id, message_id, user_id, direction, msg_type, text,"
        " timestamp, delivery, raw, stored_at, group_id, quote, place, slot)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row,
            bot_id,
            message_id,
            user_id,
            direction.value,
            msg_type,
            text,
            timestamp,
            delivery.value,
            _json(raw),
            now_ms(),
            group_id,
            quote.to_json() if quote else "",
            place,
            slot,
        ),
    )
    index(db, place, text, *values)
    return True


def known(db: sqlite3.Connection, bot_id: str, direction: Direction, message_id: str) -> bool:
    """Return whether a message is stored already."""
    query = "SELECT 1 FROM messages WHERE bot_id = ? AND direction = ? AND message_id = ?"
    key = (storable(bot_id), direction.value, storable(message_id))
    return db.execute(query, key).fetchone() is not None


def _json(raw: dict[str, Any]) -> str:
    text = json.dumps(raw, ensure_ascii=False)
    if text.isascii() or storable(text) == text:
        return text
    # Escaped to ASCII half a character stays what it is.
    return json.dumps(raw)


def index(db: sqlite3.Connection, place: int, text: str, *values: str) -> None:
    """Put a message into the text search; `values` are user, bot, type and direction."""
    document = search.document(text, search.facets(*values))
    db.execute("INSERT INTO search (rowid, text) VALUES (?, ?)", (place, document))


def message_of(values: tuple[Any, ...]) -> StoredMessage:
    """Build a message from a row of `COLUMNS`."""
    (row, bot_id, message_id, user_id, direction, msg_type, text, timestamp, delivery, raw,
     group_id, quote) = values  # fmt: skip
    return StoredMessage(
        row=row,
        bot_id=bot_id,
        message_id=message_id,
        user_id=user_id,
        direction=Direction(direction),
        msg_type=msg_type,
        text=text,
        timestamp=timestamp,
        delivery=Delivery(delivery),
        raw=json.loads(raw),
        group_id=group_id,
        quote=Quote.from_json(quote) if quote else None,
    )
