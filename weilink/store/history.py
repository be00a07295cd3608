"""Queries over all messages, received and sent."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sqlite3
from dataclasses import dataclass

from weilink.store import blocks, search
from weilink.store.database import Database
from weilink.store.messages import COLUMNS, message_of
from weilink.store.models import Delivery, Direction, StoredMessage
from weilink.store.text import storable

_DEEP, _RANGES = 1000, 8


@dataclass(frozen=True)
class Query:
    """Filters of a history query; an empty one does not filter. Times in ms since 1970."""

    user_id: str = ""
    bot_id: str = ""
    msg_type: str = ""
    direction: Direction | None = None
    since: int | None = None
    until: int | None = None
    text_contains: str = ""
    limit: int = 50
    offset: int = 0
    delivery: Delivery | None = None
    """Of received messages: where they stand on their way to an agent."""
    reader: str = ""
    """Who has been given them: see `weilink.store.handovers.Handover`."""


@dataclass(frozen=True)
class Page:
    """One page of the messages that match, newest first, and how many match in all."""

    messages: list[StoredMessage]
    total: int


class History:
    """All messages."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, query: Query) -> Page:
        """Return the messages that match `query`."""
        return await self._db.read(_find, query)

    async def get(self, message_id: str) -> StoredMessage | None:
        """Return the message with this id; of several bots, the newest."""
        return await self._db.read(_get, message_id)


def _find(db: sqlite3.Connection, query: Query) -> Page:
    low = 0 if query.since is None else search.place_from(query.since)
    high = 2**62 if query.until is None else search.place_from(query.until + 1) - 1
    by = _by_text if query.text_contains else _by_facets
    if query.delivery or query.reader:
        by = _by_delivery
    places, total = by(db, query, low, high)
    found = f"SELECT {COLUMNS} FROM messages WHERE place = ?"  # noqa: S608  (constants)
    return Page([message_of(db.execute(found, (place,)).fetchone()) for place in places], total)


def _facets(query: Query) -> tuple[str, str, str, str]:
    direction = query.direction.value if query.direction else ""
    return storable(query.user_id), storable(query.bot_id), storable(query.msg_type), direction


def _by_facets(db: sqlite3.Connection, query: Query, low: int, high: int) -> tuple[list[int], int]:
    facets = blocks.facets_of(*_facets(query))
    return blocks.find(db, facets, low, high, query.offset, query.limit)


def _by_text(db: sqlite3.Connection, query: Query, low: int, high: int) -> tuple[list[int], int]:
    text = storable(query.text_contains)
    piece = search.excerpt(text)
    wanted = search.expression(piece, search.facet(*_facets(query)))
    match = "FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ?"
    if piece != text:
        among = f"SELECT place, text FROM messages WHERE place IN (SELECT rowid {match})"  # noqa: S608
        candidates = db.execute(f"{among} ORDER BY place DESC", (wanted, low, high))
        whole = text.casefold()
        places = [place for place, content in candidates if whole in content.casefold()]
        return places[query.offset : query.offset + query.limit], len(places)
    places, total = [], 0
    # Counted in ranges, so that only a small one has to be gone through for a deep page.
    for first, last in _ranges(db, low, high) if query.offset > _DEEP else [(low, high)]:
        values = (wanted, first, last)
        (count,) = db.execute(f"SELECT count(*) {match}", values).fetchone()
        skipped = max(query.offset - total, 0)
        missing = query.limit - len(places)
        if skipped < count and missing:
            rows = db.execute(
                f"SELECT rowid {match} ORDER BY rowid DESC LIMIT ? OFFSET ?",
                (*values, missing, skipped),
            )
            places += [place for (place,) in rows]
        total += count
    return places, total


def _ranges(db: sqlite3.Connection, low: int, high: int) -> list[tuple[int, int]]:
    """Return the time from `low` to `high` in ranges of as many messages each, newest first."""
    borders = blocks.borders(db, low, high)
    chosen = [low, *borders[:: len(borders) // _RANGES + 1], high + 1]
    pairs = list(itertools.pairwise(chosen))
    return [(first, end - 1) for first, end in reversed(pairs)]


def _by_delivery(
    db: sqlite3.Connection, query: Query, low: int, high: int
) -> tuple[list[int], int]:
    # What is on its way is little: its own index, whatever SQLite thinks of the order by time.
    on_its_way = query.delivery in (Delivery.PENDING, Delivery.CLAIMED)
    place = "+place" if on_its_way else "place"
    conditions = ["direction = ?", f"{place} BETWEEN ? AND ?"]
    values: list[object] = [Direction.RECEIVED.value, low, high]
    if query.direction is not None:
        conditions.append("direction = ?")
        values.append(query.direction.value)
    for column, value in (
        ("user_id", query.user_id),
        ("bot_id", query.bot_id),
        ("msg_type", query.msg_type),
    ):
        if value:
            conditions.append(f"{column} = ?")
            values.append(storable(value))
    if query.reader:
        conditions.append("claim_id IN (SELECT id FROM claims WHERE reader = ?)")
        conditions.append("delivery IN ('claimed', 'delivered')")
        values.append(storable(query.reader))
    if query.delivery is not None:
        # The IN is implied by what follows, and what lets SQLite use a partial index.
        if on_its_way:
            conditions.append("delivery IN ('pending', 'claimed')")
        elif query.delivery in (Delivery.DELIVERED, Delivery.HELD):
            conditions.append("delivery IN ('delivered', 'held')")
        conditions.append("delivery = ?")
        values.append(query.delivery.value)
    if query.text_contains:
        with_text = dataclasses.replace(query, limit=2**31, offset=0)
        conditions.append("place IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(_by_text(db, with_text, low, high)[0]))
    chosen = f"FROM messages WHERE {' AND '.join(conditions)}"
    (total,) = db.execute(f"SELECT count(*) {chosen}", values).fetchone()
    rows = db.execute(
        f"SELECT place {chosen} ORDER BY {place} DESC LIMIT ? OFFSET ?",
        (*values, query.limit, query.offset),
    )
    return [place for (place,) in rows], total


def _get(db: sqlite3.Connection, message_id: str) -> StoredMessage | None:
    row = db.execute(
        f"SELECT {COLUMNS} FROM messages WHERE message_id = ? ORDER BY row DESC LIMIT 1",  # noqa: S608
        (storable(message_id),),
    ).fetchone()
    return message_of(row) if row else None
