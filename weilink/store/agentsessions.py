"""The agent sessions that hooks have told of, and what the user bound to them."""

from __future__ import annotations

import dataclasses
import sqlite3
from dataclasses import dataclass
from enum import Enum

from weilink.store.clock import now_ms
from weilink.store.database import Database


class AgentState(str, Enum):
    """What an agent session does."""

    WORKING = "working"
    IDLE = "idle"


@dataclass(frozen=True)
class AgentSession:
    """One conversation of one agent.

    Attributes:
        id: the agent's own id of the conversation.
        number: a small one for people, kept while the session lives.
        cwd: the folder it was started in.
        pid: the process whose end is the end of the session, 0 when it is not known.
        pid_started: when that process started (seconds since 1970), so that another one with the
            same id is not taken for it.
        interactive: whether a person sits in front of it, unlike `claude -p`.
        turns_end: whether it has a hook at the end of its turns, which tells that it has read
            what it was given.
        announces: whether it has a hook that tells when it begins with what woke it.
        activity: grows with every act of the user in any session; the largest is the last one.
        prompted_at: when the user last wrote a prompt there (ms), 0 for never.
    """

    id: str
    agent: str
    number: int
    cwd: str
    pid: int
    pid_started: float
    interactive: bool
    turns_end: bool
    announces: bool
    state: AgentState
    activity: int
    prompted_at: int
    started_at: int
    seen_at: int


class BindingKind(str, Enum):
    """By what a binding names agent sessions."""

    SESSION = "session"
    FOLDER = "cwd"
    AGENT = "agent"


@dataclass(frozen=True)
class Binding:
    """The messages of `contact` (a user id or a bot id) go to the sessions named."""

    contact: str
    kind: BindingKind
    value: str


_FIELDS = [field.name for field in dataclasses.fields(AgentSession)]
_COLUMNS = ", ".join(_FIELDS)


class AgentSessions:
    """The live sessions, as far as hooks have told; the service knows which processes live."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[AgentSession]:
        """Return every session, by number."""
        return await self._db.read(_all)

    async def save(self, session: AgentSession) -> None:
        """Add or replace a session."""
        await self._db.write(_save, session)

    async def remove(self, session_id: str) -> None:
        """Take a session off the list."""
        await self._db.write(_remove, session_id)


class Bindings:
    """Which contact's messages go to which agent sessions. One binding for each contact."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> dict[str, Binding]:
        """Return the bindings by contact."""
        return await self._db.read(_bindings)

    async def set(self, binding: Binding) -> None:
        """Bind a contact; replaces what it was bound to."""
        await self._db.write(_bind, binding)

    async def remove(self, contact: str) -> bool:
        """Unbind a contact; return whether it was bound."""
        return await self._db.write(_unbind, contact)


def _all(db: sqlite3.Connection) -> list[AgentSession]:
    found = []
    for row in db.execute(f"SELECT {_COLUMNS} FROM agent_sessions ORDER BY number, id"):  # noqa: S608
        values = dict(zip(_FIELDS, row, strict=True))
        values["interactive"] = bool(values["interactive"])
        values["turns_end"] = bool(values["turns_end"])
        values["announces"] = bool(values["announces"])
        values["state"] = AgentState(values["state"])
        found.append(AgentSession(**values))
    return found


def _save(db: sqlite3.Connection, session: AgentSession) -> None:
    values = dataclasses.asdict(session)
    values["state"] = session.state.value
    places = ", ".join(f":{name}" for name in _FIELDS)
    db.execute(f"INSERT OR REPLACE INTO agent_sessions ({_COLUMNS}) VALUES ({places})", values)  # noqa: S608


def _remove(db: sqlite3.Connection, session_id: str) -> None:
    db.execute("DELETE FROM agent_sessions WHERE id = ?", (session_id,))


def _bindings(db: sqlite3.Connection) -> dict[str, Binding]:
    rows = db.execute("SELECT contact, kind, value FROM bindings ORDER BY contact")
    return {contact: Binding(contact, BindingKind(kind), value) for contact, kind, value in rows}


def _bind(db: sqlite3.Connection, binding: Binding) -> None:
    db.execute(
        "INSERT OR REPLACE INTO bindings (contact, kind, value, created_at) VALUES (?, ?, ?, ?)",
        (binding.contact, binding.kind.value, binding.value, now_ms()),
    )


def _unbind(db: sqlite3.Connection, contact: str) -> bool:
    return db.execute("DELETE FROM bindings WHERE contact = ?", (contact,)).rowcount > 0
