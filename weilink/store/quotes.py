"""Finding what a message quotes among the messages of its bot, sent ones included."""

from __future__ import annotations

import dataclasses
import hashlib
import sqlite3

from weilink.store.models import Direction, NewMessage, Quote, QuotedPart
from weilink.store.text import storable

RECENT = 100
"""Messages among which a quote is looked for whose message was not in the store yet."""


def resolved(db: sqlite3.Connection, bot_id: str, message: NewMessage) -> Quote | None:
    """Return the quote of `message` with what the store knows of the quoted message.

    Newer phones send its id alone, and for a part of it how that begins and ends. Nobody gets to
    see by an id what was written in another conversation.
    """
    if message.quote is None:
        return None
    place = (bot_id, message.user_id, message.group_id)
    return _filled(db, place, message.quote, message.quoted_part)


def was_stored(db: sqlite3.Connection, bot_id: str, message_id: str) -> None:
    """Fill in the quotes that came before the message they quote was stored.

    What is sent is on the phone before its answer is here, and a sender may be killed in between.
    """
    recent = db.execute(
        "SELECT row, user_id, group_id, quote FROM messages"
        " WHERE row > (SELECT max(row) FROM messages) - ? AND bot_id = ? AND quote <> ''",
        (RECENT, bot_id),
    ).fetchall()
    for row, user_id, group_id, stored in recent:
        quote = Quote.from_json(stored)
        if quote.message_id == message_id and not quote.msg_type:
            whole = _filled(db, (bot_id, user_id, group_id), quote, None)
            db.execute("UPDATE messages SET quote = ? WHERE row = ?", (whole.to_json(), row))


def _filled(
    db: sqlite3.Connection,
    conversation: tuple[str, str, str],
    quote: Quote,
    quoted_part: QuotedPart | None,
) -> Quote:
    """Fill in a quote of a message in this conversation: bot, user and group ("" for none)."""
    if quote.message_id:
        found = db.execute(
            "SELECT user_id, direction, msg_type, text FROM messages"
            " WHERE message_id = ? AND bot_id = ?"
            " AND (user_id = ? OR group_id = ? AND group_id <> '') ORDER BY row DESC LIMIT 1",
            (storable(quote.message_id), *map(storable, conversation)),
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
        quote = dataclasses.replace(quote, part=part_of(quote.text, quoted_part))
    return quote


def part_of(text: str, part: QuotedPart) -> str:
    """Return the part of `text` that was selected, "" when it cannot be told.

    The occurrences of `end` are counted from the beginning of the text by some phones, and from
    behind `start` by others (client 2.4.9); the MD5 says which was meant.
    """
    begin = _occurrence(text, part.start, part.first, 0)
    if begin < 0:
        return ""
    for behind in (0, begin + len(part.start)):
        end = _occurrence(text, part.end, part.last, behind)
        found = text[begin : end + len(part.end)]
        if end >= begin and part.md5.lower() in ("", _md5(found)):
            return found
    return ""


def _occurrence(text: str, piece: str, number: int, begin: int) -> int:
    """Return where `piece` stands for the `number`th time from `begin` on, or -1."""
    at = text.find(piece, begin) if number >= 0 else -1
    while number > 0 and at >= 0:
        at = text.find(piece, at + len(piece))
        number -= 1
    return at


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(errors="replace"), usedforsecurity=False).hexdigest()
