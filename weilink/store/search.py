"""The index for text search: exact for any substring, one Chinese character included.

Words are no unit in Chinese, and FTS5's trigram tokens cannot find two characters. So each
message is indexed as its overlapping pairs of characters ("bigrams"), in an FTS5 table that
keeps no copy of the text. A search for n characters is a phrase of n-1 pairs; for a single one,
the prefix of a pair. The rowid of the index is `messages.place`, which grows with the time of
the message, so that "newest first" and "since" cost nothing.

The other filters are tokens of the same index: characters beyond Unicode's assigned ones, which
no text holds once it is folded.
"""

from __future__ import annotations

import sqlite3

SLOTS = 4096
"""Messages of one millisecond that get different places without a search for a free one."""
_FIRST, _LAST = 0, (2**62) // SLOTS
# Planes of private use: ASCII that is no letter or digit, which the tokenizer would drop, and
# the marks of what is no text.
_ASCII = 0xF0000
_END = chr(0xF0100)
_FACET = 0xF0200

LONG = 24
"""Characters above which a search looks for a piece of the text, then at the messages."""
_PIECE = 8
# From the rarest to the commonest; the space is in every English text.
_COMMON = "zqxjkvbpygfwmucldrhsnioate "

_MAP = {code: chr(_ASCII + code) for code in range(128) if not chr(code).isalnum()}
# Characters of that plane in a text would look like marks; nobody searches for them.
_MARKS = range(_ASCII, _ASCII + 0x10000)

CREATE = (
    "CREATE VIRTUAL TABLE search USING fts5 (text, content = '', tokenize = 'ascii', prefix = '1')"
)


def folded(text: str) -> str:
    """Return `text` as it is compared: without case, a lone surrogate replaced."""
    text = text.casefold()
    if any(ord(char) in _MARKS for char in text):
        text = "".join("\ufffd" if ord(char) in _MARKS else char for char in text)
    return text.translate(_MAP)


def _pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(len(text) - 1)]


def facet(kind: int, value: str) -> str:
    """Return the token of a filter: `kind` 0 user, 1 bot, 2 type, 3 direction."""
    # Hex: an id may hold any character, a token only some.
    return chr(_FACET + kind) + value.encode("utf-8", "surrogatepass").hex()


def document(text: str, facets: list[str]) -> str:
    """Return what is indexed of a message."""
    whole = folded(text)
    return " ".join([*(_pairs(whole + _END) if whole else []), *facets])


def expression(text: str, facets: list[str]) -> str:
    """Return the FTS5 expression that finds `text` in messages with these facets."""
    wanted = folded(text)
    found = f'"{wanted}" *' if len(wanted) == 1 else f'"{" ".join(_pairs(wanted))}"'
    return " AND ".join([found, *(f'"{one}"' for one in facets)])


def excerpt(text: str) -> str:
    """Return the piece of a long search text that is rarest, as far as letters tell.

    A phrase of very many pairs costs more than to look at the few messages that hold its rarest
    piece. Everything but ASCII letters counts as rare.
    """
    wanted = text.casefold()
    if len(wanted) <= LONG:
        return text
    weights = [_COMMON.find(char) + 1 if char.isascii() else 0 for char in wanted]
    starts = range(len(wanted) - _PIECE + 1)
    best = min(starts, key=lambda at: sum(weights[at : at + _PIECE]))
    return wanted[best : best + _PIECE]


def place_of(db: sqlite3.Connection, timestamp: int, row: int) -> int:
    """Return a free place for a message: later ones after earlier ones."""
    place = place_from(timestamp) + row % SLOTS
    if not db.execute("SELECT 1 FROM messages WHERE place = ?", (place,)).fetchone():
        return place
    # Thousands of one millisecond: the first free place behind them.
    (free,) = db.execute(
        "SELECT min(place) + 1 FROM messages AS m WHERE place >= ? AND NOT EXISTS"
        " (SELECT 1 FROM messages AS n WHERE n.place = m.place + 1)",
        (place,),
    ).fetchone()
    return int(free)


def place_from(timestamp: int) -> int:
    """Return the first place of a millisecond; a time beyond all reason is at the border."""
    return max(_FIRST, min(timestamp, _LAST)) * SLOTS
