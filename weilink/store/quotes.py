"""Finding what a message quotes among the messages of its bot, sent ones included."""

from __future__ import annotations

import dataclasses
import sqlite3

from weilink.store.models import Direction, NewMessage, Quote
from weilink.store.text import storable


def resolved(db: sqlite3.Connection, bot_id: str, message: NewMessage) -> Quote | None:
    """Return the quote of `message` with what the store knows of the quoted message.

    Newer phones send its id alone, and for a part of it the offsets of that part.
    """
    quote = message.quote
    if quote is None:
        return None
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
    if message.quoted_part and quote.text:
        first, last = message.quoted_part
        if 0 <= first <= last < len(quote.text):
            quote = dataclasses.replace(quote, part=quote.text[first : last + 1])
    return quote
