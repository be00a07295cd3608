"""The index for text search: exact for any substring, one Chinese character included.

Words are no unit in Chinese, and FTS5's own trigram tokens cannot find two characters. So each
message is indexed as its overlapping threes of characters, in an FTS5 table that keeps no copy
of the text. A search for n characters is a phrase of n-2 threes; for one or two, a prefix, which
has an index of its own. The rowid of the index is `messages.place`, which grows with the time of
the message, so that "newest first" and "since" cost nothing.

The other filters are tokens of the same index, one for each combination of them, since each list
that is looked through costs as much as the first: characters beyond Unicode's assigned ones,
which no text holds once it is folded.
"""

from __future__ import annotations

import functools
import hashlib
import sqlite3
from collections.abc import Sequence

SLOTS = 4096
"""Messages of one millisecond that get different places without a search for a free one."""
_FIRST, _LAST = 0, (2**62) // SLOTS
# Planes of private use: ASCII that is no letter or digit, which the tokenizer would drop, and
# the marks of what is no text.
_ASCII = 0xF0000
_FACET = 0xF0200

LONG = 16
"""Characters above which a search looks for a piece of the text, then at the messages."""
_PIECE = 8
# From the rarest to the commonest; the space is in every English text.
_COMMON = "zqxjkvbpygfwmucldrhsnioate "

_MAP = {code: chr(_ASCII + code) for code in range(128) if not chr(code).isalnum()}
# Characters of that plane in a text would look like marks; nobody searches for them.
_MARKS = range(_ASCII, _ASCII + 0x10000)

_GRAM = 3
CREATE = (
    "CREATE VIRTUAL TABLE search USING fts5"
    " (text, content = '', columnsize = 0, tokenize = 'ascii', prefix = '1 2')"
)


def folded(text: str) -> str:
    """Return `text` as it is compared: without case, a lone surrogate replaced."""
    text = text.casefold()
    if any(ord(char) in _MARKS for char in text):
        text = "".join("\ufffd" if ord(char) in _MARKS else char for char in text)
    return text.translate(_MAP)


@functools.lru_cache(maxsize=4096)
def facets(*values: str) -> tuple[str, ...]:
    """Return the tokens of a message with these values (user, bot, type, direction)."""
    return tuple(_facet(mask, values) for mask in range(1, 1 << len(values)))


def facet(*values: str) -> str:
    """Return the token of a filter by those of the values that are not empty, "" for none."""
    mask = sum(1 << at for at, value in enumerate(values) if value)
    return _facet(mask, values) if mask else ""


def _facet(mask: int, values: tuple[str, ...]) -> str:
    chosen = [value for at, value in enumerate(values) if mask >> at & 1]
    # A digest: an id may hold any character, a token only some.
    text = "\0".join(chosen).encode("utf-8", "surrogatepass")
    return chr(_FACET + mask) + hashlib.blake2b(text, digest_size=12).hexdigest()


def document(text: str, facets: Sequence[str]) -> str:
    """Return what is indexed of a message."""
    whole = folded(text)
    # The last two are shorter, for what is searched by its beginning.
    return " ".join([*(whole[at : at + _GRAM] for at in range(len(whole))), *facets])


def expression(text: str, facet: str) -> str:
    """Return the FTS5 expression that finds `text` in messages with this facet, if any."""
    wanted = folded(text)
    if len(wanted) < _GRAM:
        found = f'"{wanted}" *'
    else:
        grams = (wanted[at : at + _GRAM] for at in range(len(wanted) - _GRAM + 1))
        found = f'"{" ".join(grams)}"'
    return f'{found} AND "{facet}"' if facet else found


def excerpt(text: str) -> str:
    """Return the piece of a long search text that is rarest, as far as letters tell.

    A phrase of very many threes costs more than to look at the few messages that hold its rarest
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
