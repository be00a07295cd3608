"""Who got which message when: the claims, seen from the messages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from weilink.store.database import Database

_LOOK_AT = 2000
"""The newest claims among which readers are looked for: a menu need not know those of last year."""
_READERS = 50


@dataclass(frozen=True)
class Handover:
    """What became of a message with the reader that claimed it last.

    Attributes:
        reader: who: an agent session as `<agent>:<session id>`, the process of an MCP server as
            `mcp:<process id>`, or `shell`.
        folder: where the agent session was started, "" when the reader is none.
        state: of the claim: "open" while the reader is at it, "written" once it is where the agent
            reads it, "acknowledged" when it is known to be read, "released" when it was given back.
        claimed_at: when it was handed over (ms).
        written_at: when the reader had it (ms), 0 if not yet, or before this was kept.
    """

    reader: str
    folder: str
    state: str
    claimed_at: int
    written_at: int


@dataclass(frozen=True)
class Reader:
    """Somebody who has been given messages; fields as in `Handover`."""

    reader: str
    folder: str
    last_at: int


class Handovers:
    """The claims of the past."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, rows: Sequence[int]) -> dict[int, Handover]:
        """Return what became of these messages, by row; those that nobody claimed are left out."""
        return await self._db.read(_of, rows)

    async def readers(self) -> list[Reader]:
        """Return who was given messages of late, the last one first."""
        return await self._db.read(_readers)


def _of(db: sqlite3.Connection, rows: Sequence[int]) -> dict[int, Handover]:
    found = db.execute(
        "SELECT m.row, c.reader, c.folder, c.state, c.created_at, c.written_at"
        " FROM messages AS m JOIN claims AS c ON c.id = m.claim_id"
        " WHERE m.row IN (SELECT value FROM json_each(?))",
        (json.dumps(list(rows)),),
    )
    return {row: Handover(*values) for row, *values in found}


def _readers(db: sqlite3.Connection) -> list[Reader]:
    found = db.execute(
        "SELECT reader, folder, max(created_at) AS last_at FROM"
        " (SELECT reader, folder, created_at FROM claims ORDER BY rowid DESC LIMIT ?)"
        " GROUP BY reader ORDER BY last_at DESC LIMIT ?",
        (_LOOK_AT, _READERS),
    )
    return [Reader(*values) for values in found]
