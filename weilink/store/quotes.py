"""Finding what a message quotes among the messages of its bot, sent ones included."""

from __future__ import annotations

import dataclasses
import sqlite3

from weilink.store.models import Direction, NewMessage, Quote
from weilink.store.text import storable

RECENT = 100
"""Messages among which a quote is looked for whose message was not in the store yet."""


def resolved(db: sqlite3.Connection, bot_id: str, message: NewMessage) -> Quote | None:
    """Return the quote of `message` with what the store knows of the quoted message.

    Newer phones send its id alone, and for a part of it the offsets of that part.
    """
    if message.quote is None:
        return None
    return _filled(db, bot_id, message.quote, message.quoted_part)


def was_stored(db: sqlite3.Connection, bot_id: str, message_id: str) -> None:
    """Fill in the quotes that came before the message they quote was stored.

    What is sent is on the phone before its answer is here, and a sender may be killed in between.
    """
    recent = db.execute(
        "SELECT row, quote FROM messages WHERE row > (SELECT max(row) FROM messages) - ?"
        " AND bot_id = ? AND quote <> ''",
        (RECENT, bot_id),
    ).fetchall()
    for row, stored in recent:
        quote = Quote.from_json(stored)
        if quote.message_id == message_id and not quote.msg_type:
            whole = _filled(db, bot_id, quote, None)
            db.execute("UPDATE messages SET quote = ? WHERE row = ?", (whole.to_json(), row))


def _filled(
    db: sqlite3.Connection, bot_id: str, quote: Quote, quoted_part: tuple[int, int] | None
) -> Quote:
    if quote.message_id:
        found = db.execute(
            "SELECT user_id, direction, msg_type, text FROM messages"
            " WHERE message_id = ? AND bot_id = ? ORDER BY row DESC LIMIT 1",
            (storable(quote.message_id), bot_id),
        ).fetchone()
        if found:
            user_id, direction, msg_type, text = found
            quote = dataclasses.replace(
                quote,
                user_id=user_id,
                direction=Direction(direction),
                msg_type=msg_type,
                text=text,
            )
    if quoted_part and quote.text:
        first, last = quoted_part
        if 0 <= first <= last < len(quote.text):
            quote = dataclasses.replace(quote, part=quote.text[first : last + 1])
    return quote
