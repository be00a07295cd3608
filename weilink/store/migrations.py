"""The schema, as a list of small steps. Each is applied once, in order, by its name.

A step that has been released is never changed; a new one is added at the end.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.store import blocks, messages, search

logger = logging.getLogger(__name__)

MANY = 20_000
"""Messages from which on a change of the schema takes so long that the user should know why."""


def m001_initial(db: sqlite3.Connection) -> None:
    """Messages, claims, reply windows, outbox, bots, access and settings."""
    for statement in (
        """CREATE TABLE messages (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            bot_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            direction TEXT NOT NULL,
            msg_type TEXT NOT NULL,
            text TEXT NOT NULL,
            timestamp INTEGER NOT NULL,
            delivery TEXT NOT NULL,
            claim_id TEXT,
            raw TEXT NOT NULL,
            stored_at INTEGER NOT NULL,
            UNIQUE (bot_id, direction, message_id)
        )""",
        # Small whatever the size of the history: only what is on its way to an agent.
        """CREATE INDEX messages_open ON messages (row)
            WHERE delivery IN ('pending', 'claimed')""",
        """CREATE INDEX messages_claimed ON messages (bot_id, user_id)
            WHERE delivery = 'claimed'""",
        "CREATE INDEX messages_claim ON messages (claim_id) WHERE claim_id IS NOT NULL",
        "CREATE INDEX messages_time ON messages (timestamp, row)",
        "CREATE INDEX messages_user ON messages (user_id, timestamp, row)",
        """CREATE TABLE claims (
            id TEXT PRIMARY KEY,
            reader TEXT NOT NULL,
            state TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL
        )""",
        "CREATE INDEX claims_open ON claims (expires_at) WHERE state = 'open'",
        """CREATE TABLE reply_windows (
            bot_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            token TEXT NOT NULL,
            received_at INTEGER NOT NULL,
            replies_used INTEGER NOT NULL,
            dead INTEGER NOT NULL,
            PRIMARY KEY (bot_id, user_id)
        )""",
        """CREATE TABLE outbox (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            client_id TEXT NOT NULL UNIQUE,
            bot_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            item TEXT NOT NULL,
            text TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            lease_until INTEGER NOT NULL,
            next_try_at INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        )""",
        """CREATE INDEX outbox_open ON outbox (bot_id, user_id, row)
            WHERE state IN ('queued', 'sending')""",
        """CREATE TABLE bots (
            bot_id TEXT PRIMARY KEY,
            cursor TEXT NOT NULL,
            problem TEXT NOT NULL,
            updated_at INTEGER NOT NULL
        )""",
        "CREATE TABLE access (user_id TEXT PRIMARY KEY, allowed INTEGER NOT NULL)",
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ):
        db.execute(statement)


def m002_uploads(db: sqlite3.Connection) -> None:
    """Files in the outbox; why a part was refused, counted by cause; when it is given up."""
    for column in (
        "msg_type TEXT NOT NULL DEFAULT 'TEXT'",
        "upload TEXT NOT NULL DEFAULT ''",
        "uploaded_at INTEGER NOT NULL DEFAULT 0",
        "run_id TEXT NOT NULL DEFAULT ''",
        "refusals INTEGER NOT NULL DEFAULT 0",
        "errors INTEGER NOT NULL DEFAULT 0",
        "expires_at INTEGER NOT NULL DEFAULT 0",
    ):
        db.execute(f"ALTER TABLE outbox ADD COLUMN {column}")
    db.execute("UPDATE outbox SET expires_at = created_at + 259200000")


def m010_agent_sessions(db: sqlite3.Connection) -> None:
    """Agent sessions, what is bound to them, and claims that wait for a sign of being read."""
    for statement in (
        """CREATE TABLE agent_sessions (
            id TEXT PRIMARY KEY,
            agent TEXT NOT NULL,
            number INTEGER NOT NULL,
            cwd TEXT NOT NULL,
            pid INTEGER NOT NULL,
            pid_started REAL NOT NULL,
            interactive INTEGER NOT NULL,
            turns_end INTEGER NOT NULL,
            state TEXT NOT NULL,
            activity INTEGER NOT NULL,
            prompted_at INTEGER NOT NULL,
            started_at INTEGER NOT NULL,
            seen_at INTEGER NOT NULL
        )""",
        """CREATE TABLE bindings (
            contact TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            value TEXT NOT NULL,
            created_at INTEGER NOT NULL
        )""",
        "ALTER TABLE claims ADD COLUMN session TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX claims_written ON claims (session) WHERE state = 'written'",
    ):
        db.execute(statement)


def m003_search(db: sqlite3.Connection) -> None:
    """Text search that knows Chinese; groups and quotes; who is being worked for."""
    for statement in (
        "ALTER TABLE messages ADD COLUMN group_id TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE messages ADD COLUMN quote TEXT NOT NULL DEFAULT ''",
        # The order of time, unique: what history is sorted by.
        "ALTER TABLE messages ADD COLUMN place INTEGER",
        "DROP INDEX messages_time",
        "DROP INDEX messages_user",
        # Dropped again by m013_blocks.
        "CREATE VIRTUAL TABLE search USING fts5 (text, content = '')",
        "CREATE TABLE kinds (kind INTEGER PRIMARY KEY)",
        "CREATE INDEX messages_place ON messages (place)",
        "CREATE INDEX messages_id ON messages (message_id)",
        # Typing: for whom an agent works, and what the phone shows of it.
        """CREATE TABLE working (
            bot_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            until INTEGER NOT NULL,
            shown INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (bot_id, user_id)
        )""",
        "ALTER TABLE reply_windows ADD COLUMN typed INTEGER NOT NULL DEFAULT 0",
        # Order of arrival: a clock that was set back must not make an old window the newest.
        "ALTER TABLE reply_windows ADD COLUMN arrival INTEGER NOT NULL DEFAULT 0",
    ):
        db.execute(statement)
    # What finds them is written by m013_blocks.
    for row, timestamp in db.execute("SELECT row, timestamp FROM messages").fetchall():
        place = search.place_of(db, timestamp, row)
        db.execute("UPDATE messages SET place = ? WHERE row = ?", (place, row))


def m011_approvals(db: sqlite3.Connection) -> None:
    """What the owner was asked on the phone, and answered; messages to WeiLink itself."""
    db.execute(
        """CREATE TABLE approvals (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            code TEXT NOT NULL,
            agent TEXT NOT NULL,
            session TEXT NOT NULL,
            cwd TEXT NOT NULL,
            tool TEXT NOT NULL,
            detail TEXT NOT NULL,
            user_id TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            asked_at INTEGER NOT NULL,
            settled_at INTEGER NOT NULL
        )"""
    )
    db.execute("CREATE INDEX messages_command ON messages (row) WHERE delivery = 'command'")
    db.execute("CREATE INDEX approvals_code ON approvals (code, row)")


def m012_handovers(db: sqlite3.Connection) -> None:
    """When a reader had what it claimed, and where that agent was; lists of what was delivered."""
    for statement in (
        "ALTER TABLE claims ADD COLUMN written_at INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE claims ADD COLUMN folder TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX claims_reader ON claims (reader)",
        # Without those that are on their way: their queries keep the small index of their own.
        """CREATE INDEX messages_settled ON messages (delivery, place)
            WHERE delivery IN ('delivered', 'held')""",
    ):
        db.execute(statement)


def m013_blocks(db: sqlite3.Connection) -> None:
    """Filters as sets of bits, and text search by threes of characters."""
    for statement in (
        "DROP INDEX IF EXISTS messages_kind",
        "DROP INDEX messages_place",
        "DROP TABLE kinds",
        "DROP TABLE search",
        search.CREATE,
        *blocks.CREATE,
    ):
        db.execute(statement)
    query = (
        "SELECT place, text, user_id, bot_id, msg_type, direction FROM messages"
        " WHERE place > ? ORDER BY place LIMIT 5000"
    )
    last = -1
    while rows := db.execute(query, (last,)).fetchall():
        for last, text, *values in rows:
            slot = blocks.add(db, last, blocks.facets_of(*values))
            db.execute("UPDATE messages SET slot = ? WHERE place = ?", (slot, last))
            messages.index(db, last, text, *values)


def m014_reserve(db: sqlite3.Connection) -> None:
    """The context token before the newest one, for what typing may cost."""
    for column in (
        "reserve_token TEXT NOT NULL DEFAULT ''",
        "reserve_at INTEGER NOT NULL DEFAULT 0",
        "reserve_used INTEGER NOT NULL DEFAULT 0",
    ):
        db.execute(f"ALTER TABLE reply_windows ADD COLUMN {column}")


def m015_leases(db: sqlite3.Connection) -> None:
    """Leases by a clock that nobody sets; claims whose text waits in the agent's own queue."""
    # What is claimed now is free at once: its lease was by the other clock.
    db.execute("ALTER TABLE claims ADD COLUMN lease_end INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE claims ADD COLUMN wakes INTEGER NOT NULL DEFAULT 0")


def m016_announces(db: sqlite3.Connection) -> None:
    """Which sessions tell when they begin with what woke them, for whoever leads next."""
    db.execute("ALTER TABLE agent_sessions ADD COLUMN announces INTEGER NOT NULL DEFAULT 0")


MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [
    m001_initial,
    m002_uploads,
    m010_agent_sessions,
    m003_search,
    m011_approvals,
    m012_handovers,
    m013_blocks,
    m014_reserve,
    m015_leases,
    m016_announces,
]


def migrate(db: sqlite3.Connection) -> None:
    """Bring the database to the newest schema, in one transaction.

    Raises:
        WeiLinkError: the database was written by a newer version of WeiLink.
    """
    known = {migration.__name__ for migration in MIGRATIONS}
    if _applied(db) == known:
        # Nearly always. No command has to wait for whoever writes just now.
        return
    db.execute("BEGIN IMMEDIATE")
    with db:
        db.execute(
            "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at INTEGER)"
        )
        applied = _applied(db)
        if newer := applied - known:
            raise WeiLinkError(
                t(
                    "weilink.db was written by a newer WeiLink (it has {names}); install that "
                    "version or a later one",
                    names=", ".join(sorted(newer)),
                )
            )
        if applied and applied != known:
            (count,) = db.execute("SELECT coalesce(max(row), 0) FROM messages").fetchone()
            if count > MANY:
                logger.warning("bringing %d messages up to date; this takes a while", count)
        for migration in MIGRATIONS:
            if migration.__name__ not in applied:
                migration(db)
                db.execute(
                    "INSERT INTO migrations VALUES (?, ?)",
                    (migration.__name__, int(time.time() * 1000)),
                )


def _applied(db: sqlite3.Connection) -> set[str]:
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone():
        return set()
    return {name for (name,) in db.execute("SELECT name FROM migrations")}
