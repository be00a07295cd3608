"""Who may put text in front of an agent, and other small settings that commands change."""

from __future__ import annotations

import sqlite3

from weilink.store.database import Database


class Preferences:
    """Named values and the access list."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, name: str, default: str) -> str:
        """Return the value `name`."""
        return await self._db.read(_get, name, default)

    async def set(self, name: str, value: str) -> None:
        """Set the value `name`."""
        await self._db.write(_set, name, value)

    async def access_list(self) -> dict[str, bool]:
        """Return the users that were allowed (`True`) or denied (`False`) by name."""
        return await self._db.read(_access_list)

    async def set_access(self, user_id: str, allowed: bool) -> None:
        """Allow or deny a user."""
        await self._db.write(_set_access, user_id, allowed)


def _get(db: sqlite3.Connection, name: str, default: str) -> str:
    values = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return str(values[0]) if values else default


def _set(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))


def _access_list(db: sqlite3.Connection) -> dict[str, bool]:
    return {user: bool(allowed) for user, allowed in db.execute("SELECT * FROM access")}


def _set_access(db: sqlite3.Connection, user_id: str, allowed: bool) -> None:
    db.execute("INSERT OR REPLACE INTO access (user_id, allowed) VALUES (?, ?)", (user_id, allowed))
