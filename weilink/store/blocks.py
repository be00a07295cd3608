"""Which messages are of which user, bot, type and direction: how many, and the n-th of them.

The messages stand in blocks in the order of their time, some thousand in each, and have a number
(slot) within their block. For each block and each value of a filter there is the set of slots
with that value, as bits. So a filter is an AND of integers, a total is a count of bits, and page
1,000 costs what page 1 does: a few milliseconds over a million messages, whatever is combined.
"""

from __future__ import annotations

import sqlite3
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

FULL = 4096
"""Messages after which the newest block is closed."""
MOST = 2 * FULL
"""Messages after which a block that late ones were put into is split."""
FEW = 128
"""Messages of a block that are looked up one by one; for more its whole index is read."""
END = 2**62
"""Behind every place."""
_BITS, _LIST = b"\0", b"\1"

CREATE = (
    """CREATE TABLE blocks (
        first INTEGER PRIMARY KEY,
        last INTEGER NOT NULL,
        messages INTEGER NOT NULL
    )""",
    """CREATE TABLE facets (
        facet TEXT NOT NULL,
        block INTEGER NOT NULL,
        slots BLOB NOT NULL,
        PRIMARY KEY (facet, block)
    ) WITHOUT ROWID""",
    "ALTER TABLE messages ADD COLUMN slot INTEGER",
    "CREATE INDEX messages_place ON messages (place, slot)",
    "CREATE INDEX messages_slot ON messages (slot, place)",
)


def facets_of(user_id: str, bot_id: str, msg_type: str, direction: str) -> list[str]:
    """Return the names of the sets that a message is in; an empty value is in none."""
    values = (user_id, bot_id, msg_type, direction)
    return [f"{kind}{value}" for kind, value in enumerate(values) if value]


def add(db: sqlite3.Connection, place: int, facets: Iterable[str]) -> int:
    """Put a message that is about to be stored at `place` into its block; return its slot."""
    found = db.execute(
        "SELECT first, last, messages FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1",
        (place,),
    ).fetchone()
    first, last, slot = found or (0, 0, 0)
    if slot >= FULL:
        if place > last and _end(db, first) == END:
            first, slot = place, 0
        elif slot >= MOST:
            _split(db, first, last)
            return add(db, place, facets)
    db.execute(
        "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", (first, max(last, place), slot + 1)
    )
    for facet in facets:
        key = (facet, first)
        known = db.execute("SELECT slots FROM facets WHERE facet = ? AND block = ?", key).fetchone()
        slots = _with(known[0], slot) if known else _packed(1 << slot)
        db.execute("INSERT OR REPLACE INTO facets VALUES (?, ?, ?)", (*key, slots))
    return slot


def _split(db: sqlite3.Connection, first: int, last: int) -> None:
    """Make two blocks of one that is too full."""
    rows = db.execute(
        "SELECT place, user_id, bot_id, msg_type, direction FROM messages"
        " WHERE place BETWEEN ? AND ? ORDER BY place",
        (first, last),
    ).fetchall()
    middle = len(rows) // 2
    for row in rows:
        for facet in facets_of(*row[1:]):
            db.execute("DELETE FROM facets WHERE facet = ? AND block = ?", (facet, first))
    for start, half in ((first, rows[:middle]), (rows[middle][0], rows[middle:])):
        sets: dict[str, int] = defaultdict(int)
        for slot, (place, *values) in enumerate(half):
            db.execute("UPDATE messages SET slot = ? WHERE place = ?", (slot, place))
            for facet in facets_of(*values):
                sets[facet] |= 1 << slot
        db.execute(
            "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", (start, half[-1][0], len(half))
        )
        db.executemany(
            "INSERT INTO facets VALUES (?, ?, ?)",
            [(facet, start, _packed(bits)) for facet, bits in sets.items()],
        )


def _end(db: sqlite3.Connection, first: int) -> int:
    (end,) = db.execute("SELECT min(first) FROM blocks WHERE first > ?", (first,)).fetchone()
    return END if end is None else int(end)


def find(
    db: sqlite3.Connection, facets: Sequence[str], low: int, high: int, offset: int, limit: int
) -> tuple[list[int], int]:
    """Return one page of the places from `low` to `high`, newest first, and how many there are.

    Those that are in all `facets`.
    """
    (start,) = db.execute("SELECT max(first) FROM blocks WHERE first <= ?", (low,)).fetchone()
    span = (start or 0, high)
    sets = [
        dict(
            db.execute(
                "SELECT block, slots FROM facets WHERE facet = ? AND block BETWEEN ? AND ?",
                (facet, *span),
            ).fetchall()
        )
        for facet in facets
    ]
    end = _end(db, high)
    places: list[int] = []
    total = 0
    blocks = "SELECT first, messages FROM blocks WHERE first BETWEEN ? AND ? ORDER BY first DESC"
    for first, messages in db.execute(blocks, span).fetchall():
        bits = (1 << messages) - 1
        for slots in sets:
            bits &= _unpacked(slots.get(first, b""))
        if bits and (first < low or high < end - 1):
            bits &= _between(db, max(first, low), min(end - 1, high), messages)
        count = bits.bit_count()
        if total + count > offset and len(places) < limit:
            wanted = _places(db, first, end, bits)
            places += wanted[max(offset - total, 0) :][: limit - len(places)]
        total += count
        end = first
    return places, total


def borders(db: sqlite3.Connection, low: int, high: int) -> list[int]:
    """Return where blocks begin between these places, oldest first."""
    found = db.execute("SELECT first FROM blocks WHERE first > ? AND first <= ?", (low, high))
    return sorted(first for (first,) in found)


def _between(db: sqlite3.Connection, low: int, high: int, messages: int) -> int:
    """Return the slots of a block whose places are between these."""
    slots = bytearray(messages // 8 + 1)
    found = db.execute("SELECT slot FROM messages WHERE place BETWEEN ? AND ?", (low, high))
    for (slot,) in found:
        slots[slot >> 3] |= 1 << (slot & 7)
    return int.from_bytes(slots, "little")


def _places(db: sqlite3.Connection, first: int, end: int, bits: int) -> list[int]:
    """Return the places of these slots of a block, the newest first."""
    if bits.bit_count() < FEW:
        one = "SELECT place FROM messages WHERE slot = ? AND place >= ? AND place < ?"
        found = (db.execute(one, (slot, first, end)).fetchone()[0] for slot in _slots(bits))
        return sorted(found, reverse=True)
    slots = bits.to_bytes(bits.bit_length() // 8 + 1, "little")
    last = bits.bit_length()
    rows = db.execute(
        "SELECT place, slot FROM messages WHERE place >= ? AND place < ? ORDER BY place DESC",
        (first, end),
    )
    return [at for at, slot in rows if slot < last and slots[slot >> 3] >> (slot & 7) & 1]


def _slots(bits: int) -> Iterator[int]:
    while bits:
        yield (bits & -bits).bit_length() - 1
        bits &= bits - 1


def _packed(bits: int) -> bytes:
    """Return a set of slots as it is stored: as bits, or as a list where that is shorter."""
    raw = bits.to_bytes(bits.bit_length() // 8 + 1, "little")
    if bits.bit_count() * 2 >= len(raw):
        return _BITS + raw
    slots = list(_slots(bits))
    return _LIST + struct.pack(f"<{len(slots)}H", *slots)


def _unpacked(stored: bytes) -> int:
    if stored[:1] != _LIST:
        return int.from_bytes(stored[1:], "little")
    bits = bytearray(MOST // 8)
    for (slot,) in struct.iter_unpack("<H", stored[1:]):
        bits[slot >> 3] |= 1 << (slot & 7)
    return int.from_bytes(bits, "little")


def _with(stored: bytes, slot: int) -> bytes:
    if stored[:1] == _LIST and len(stored) < slot // 8:
        return stored + struct.pack("<H", slot)
    return _packed(_unpacked(stored) | 1 << slot)
