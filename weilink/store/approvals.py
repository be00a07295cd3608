"""Approvals that were asked for on the phone, and what became of them: the log of them all."""

from __future__ import annotations

import dataclasses
import sqlite3
from dataclasses import dataclass
from enum import Enum

from weilink.store.clock import now_ms
from weilink.store.database import Database


class ApprovalState(str, Enum):
    """What became of a question."""

    OPEN = "open"
    ALLOWED = "allowed"
    DENIED = "denied"
    EXPIRED = "expired"
    """Nobody answered in time."""
    WITHDRAWN = "withdrawn"
    """The agent stopped asking: answered at the computer, or gone."""


@dataclass(frozen=True)
class Approval:
    """One question. `user_id` is the person asked, the only one who may answer."""

    row: int
    code: str
    agent: str
    session: str
    cwd: str
    tool: str
    detail: str
    user_id: str
    state: ApprovalState
    reason: str
    asked_at: int
    settled_at: int


_FIELDS = [field.name for field in dataclasses.fields(Approval)]
_COLUMNS = ", ".join(_FIELDS)


class Approvals:
    """Questions, open and settled."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ask(self, approval: Approval) -> Approval | None:
        """Keep a question; `None` when an open one has its code."""
        return await self._db.write(_ask, approval)

    async def get(self, row: int) -> Approval | None:
        """Return a question."""
        return await self._db.read(_get, row)

    async def newest(self, code: str) -> Approval | None:
        """Return the newest question with this code."""
        return await self._db.read(_newest, code)

    async def settle(self, row: int, state: ApprovalState, reason: str = "") -> bool:
        """Settle an open question; return whether it was still open."""
        return await self._db.write(_settle, row, state, reason)

    async def withdraw_all(self) -> None:
        """Settle what a former leader asked: nobody waits for the answers."""
        await self._db.write(_withdraw_all)

    async def latest(self, limit: int = 50) -> list[Approval]:
        """Return the newest questions."""
        return await self._db.read(_latest, limit)


def _approval(row: tuple[object, ...]) -> Approval:
    values = dict(zip(_FIELDS, row, strict=True))
    values["state"] = ApprovalState(values["state"])
    return Approval(**values)  # type: ignore[arg-type]  # our own schema


def _ask(db: sqlite3.Connection, approval: Approval) -> Approval | None:
    taken = db.execute(
        "SELECT 1 FROM approvals WHERE code = ? AND state = 'open'", (approval.code,)
    ).fetchone()
    if taken:
        return None
    names = [name for name in _FIELDS if name != "row"]
    values = dataclasses.asdict(approval) | {"state": approval.state.value}
    row = db.execute(
        f"INSERT INTO approvals ({', '.join(names)})"  # noqa: S608
        f" VALUES ({', '.join(f':{name}' for name in names)})",
        values,
    ).lastrowid
    return dataclasses.replace(approval, row=row or 0)


def _get(db: sqlite3.Connection, row: int) -> Approval | None:
    query = f"SELECT {_COLUMNS} FROM approvals WHERE row = ?"  # noqa: S608
    found = db.execute(query, (row,)).fetchone()
    return _approval(found) if found else None


def _newest(db: sqlite3.Connection, code: str) -> Approval | None:
    query = f"SELECT {_COLUMNS} FROM approvals WHERE code = ? ORDER BY row DESC LIMIT 1"  # noqa: S608
    found = db.execute(query, (code,)).fetchone()
    return _approval(found) if found else None


def _settle(db: sqlite3.Connection, row: int, state: ApprovalState, reason: str) -> bool:
    return (
        db.execute(
            "UPDATE approvals SET state = ?, reason = ?, settled_at = ?"
            " WHERE row = ? AND state = 'open'",
            (state.value, reason, now_ms(), row),
        ).rowcount
        > 0
    )


def _withdraw_all(db: sqlite3.Connection) -> None:
    db.execute(
        "UPDATE approvals SET state = 'withdrawn', settled_at = ? WHERE state = 'open'",
        (now_ms(),),
    )


def _latest(db: sqlite3.Connection, limit: int) -> list[Approval]:
    query = f"SELECT {_COLUMNS} FROM approvals ORDER BY row DESC LIMIT ?"  # noqa: S608
    return [_approval(row) for row in db.execute(query, (limit,))]
