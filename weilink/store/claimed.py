"""What becomes of a claim, inside the transactions of `Inbox`."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weilink.store.clock import now_ms, steady_ms
from weilink.store.messages import COLUMNS, message_of
from weilink.store.models import Claim, StoredMessage
from weilink.store.working import begin

LEASE_AT_MOST_MS = 600_000
"""A lease that ends later was given before the computer was started anew."""
CLAIM_AT_MOST = 200
"""Messages that are looked at for one claim; the rest waits for the next."""


@dataclass(frozen=True)
class UnderWay:
    """Messages that a reader has, and has not read as far as we know.

    Attributes:
        lease_left_ms: how long the reader still may take to write them out; `None`: they are
            written where its agent reads them.
        queued: they are in the agent's own queue, or on their way there.
    """

    claim_id: str
    reader: str
    messages: int
    lease_left_ms: int | None
    queued: bool


@dataclass(frozen=True)
class Waking:
    """A claim that is to wake a session; `written`: it is in the session's own queue."""

    session: str
    written: bool


Fit = Callable[[Sequence[StoredMessage], int], int]
"""Given the oldest messages and how many are pending in all: how many of them to take."""
Wanted = Callable[[str, str], bool]
"""Given bot and user: whether the reader may have the messages of this conversation."""


def everything(bot_id: str, user_id: str) -> bool:
    """Want every conversation."""
    return True


def claim(
    db: sqlite3.Connection,
    reader: str,
    lease_ms: int,
    fit: Fit,
    wanted: Wanted,
    session: str,
    wakes: bool,
) -> Claim | None:
    """See `Inbox.claim`."""
    now = now_ms()
    expire(db)
    # The IN is implied by what follows, and what lets SQLite use the small partial index.
    free = (
        " FROM messages AS m WHERE delivery IN ('pending', 'claimed') AND delivery = 'pending'"
        " AND NOT EXISTS (SELECT 1 FROM messages AS c WHERE c.delivery = 'claimed'"
        " AND c.bot_id = m.bot_id AND c.user_id = m.user_id)"
    )
    values: tuple[str, ...] = ()
    if wanted is not everything:
        pairs = db.execute("SELECT DISTINCT bot_id, user_id" + free).fetchall()
        mine = [[bot, user] for bot, user in pairs if wanted(bot, user)]
        if not mine:
            return None
        if len(mine) < len(pairs):
            # As JSON: their number has no limit then.
            free += (
                " AND (m.bot_id, m.user_id) IN (SELECT json_extract(value, '$[0]'),"
                " json_extract(value, '$[1]') FROM json_each(?))"
            )
            values = (json.dumps(mine),)
    (waiting,) = db.execute("SELECT count(*)" + free, values).fetchone()
    query = f"SELECT {COLUMNS}{free} ORDER BY row LIMIT {CLAIM_AT_MOST}"
    oldest = [message_of(found) for found in db.execute(query, values)]
    taken = oldest[: fit(oldest, waiting)] if oldest else []
    if not taken:
        return None
    claim_id = secrets.token_hex(16)
    db.execute(
        # Where the agent is: a session that has ended is not known any more.
        "INSERT INTO claims (id, reader, state, created_at, expires_at, lease_end, session,"
        " wakes, folder) VALUES (?, ?, 'open', ?, ?, ?, ?, ?,"
        " coalesce((SELECT cwd FROM agent_sessions WHERE agent || ':' || id = ?), ''))",
        (claim_id, reader, now, now + lease_ms, steady_ms() + lease_ms, session, wakes, reader),
    )
    db.executemany(
        "UPDATE messages SET delivery = 'claimed', claim_id = ? WHERE row = ?",
        [(claim_id, message.row) for message in taken],
    )
    return Claim(claim_id, tuple(taken), waiting - len(taken))


def expire(db: sqlite3.Connection) -> int:
    """See `Inbox.expire`."""
    now = steady_ms()
    over = db.execute(
        "SELECT id FROM claims WHERE state = 'open' AND (lease_end <= ? OR lease_end > ?)",
        (now, now + LEASE_AT_MOST_MS),
    ).fetchall()
    for (claim_id,) in over:
        release(db, claim_id)
    return len(over)


def acknowledge(db: sqlite3.Connection, claim_id: str) -> bool:
    """See `Inbox.acknowledge`."""
    db.execute(
        "UPDATE claims SET state = CASE session WHEN '' THEN 'acknowledged' ELSE 'written' END,"
        " written_at = ? WHERE id = ? AND state IN ('open', 'released')",
        (now_ms(), claim_id),
    )
    # A release keeps claim_id on the messages, so that a late acknowledgement finds those that
    # nobody else has claimed since.
    delivered = db.execute(
        "UPDATE messages SET delivery ="
        " CASE (SELECT wakes FROM claims WHERE id = ?) WHEN 1 THEN 'claimed' ELSE 'delivered' END"
        " WHERE claim_id = ? AND delivery IN ('claimed', 'pending')",
        (claim_id, claim_id),
    ).rowcount
    if delivered:
        begin(db, claim_id)
    return delivered > 0


def renew(db: sqlite3.Connection, claim_id: str, lease_ms: int) -> None:
    """See `Inbox.renew`."""
    db.execute(
        "UPDATE claims SET expires_at = ?, lease_end = ? WHERE id = ? AND state = 'open'",
        (now_ms() + lease_ms, steady_ms() + lease_ms, claim_id),
    )


def release(db: sqlite3.Connection, claim_id: str) -> None:
    """See `Inbox.release`."""
    db.execute("UPDATE claims SET state = 'released' WHERE id = ? AND state = 'open'", (claim_id,))
    db.execute(
        "UPDATE messages SET delivery = 'pending' WHERE claim_id = ? AND delivery = 'claimed'",
        (claim_id,),
    )


def confirm(db: sqlite3.Connection, claims: Sequence[str], woken: str) -> int:
    """See `Inbox.confirm`."""
    count = 0
    for claim in claims:
        if claim == woken:
            # An agent may read faster than whoever gave it acknowledges.
            acknowledge(db, claim)
        read = db.execute(
            "UPDATE claims SET state = 'acknowledged' WHERE id = ? AND state = 'written'", (claim,)
        ).rowcount
        if read:
            _settle(db, claim)
        count += read
    return count


def _settle(db: sqlite3.Connection, claim: str) -> None:
    db.execute(
        "UPDATE messages SET delivery = 'delivered' WHERE claim_id = ? AND delivery = 'claimed'",
        (claim,),
    )


def waking(db: sqlite3.Connection) -> dict[str, Waking]:
    """See `Inbox.waking`."""
    # Not with IN: each state has an index of its own.
    rows = db.execute(
        "SELECT id, session, 0 FROM claims WHERE state = 'open' AND wakes"
        " UNION ALL SELECT id, session, 1 FROM claims WHERE state = 'written' AND wakes"
    )
    return {claim: Waking(session, bool(written)) for claim, session, written in rows}


def forsake(db: sqlite3.Connection, session: str, claim_id: str) -> int:
    """See `Inbox.forsake`."""
    lost = db.execute(
        "SELECT id FROM claims WHERE session = ? AND state IN ('open', 'written')"
        " AND ? IN ('', id)",
        (session, claim_id),
    ).fetchall()
    count = 0
    for (claim,) in lost:
        db.execute("UPDATE claims SET state = 'released' WHERE id = ?", (claim,))
        # Without the id an acknowledgement that still comes does not count: nobody will read it.
        count += db.execute(
            "UPDATE messages SET delivery = 'pending', claim_id = NULL WHERE claim_id = ?"
            " AND delivery IN ('claimed', 'delivered')",
            (claim,),
        ).rowcount
    return count


def unconfirmed(db: sqlite3.Connection) -> dict[str, str]:
    """See `Inbox.unconfirmed`."""
    return dict(db.execute("SELECT id, session FROM claims WHERE state = 'written'").fetchall())


def under_way(db: sqlite3.Connection) -> list[UnderWay]:
    """See `Inbox.under_way`."""
    now = steady_ms()
    rows = db.execute(
        "SELECT id, reader, state, lease_end, wakes FROM claims WHERE state = 'open'"
        " UNION ALL SELECT id, reader, state, lease_end, wakes FROM claims WHERE state = 'written'"
    ).fetchall()
    found = []
    for claim_id, reader, state, lease_end, wakes in rows:
        (count,) = db.execute(
            "SELECT count(*) FROM messages WHERE claim_id = ?", (claim_id,)
        ).fetchone()
        left = max(lease_end - now, 0) if state == "open" else None
        found.append(UnderWay(claim_id, reader, count, left, bool(wakes)))
    return found


def states(db: sqlite3.Connection) -> dict[str, int]:
    """See `Inbox.claim_states`."""
    return dict(db.execute("SELECT state, count(*) FROM claims GROUP BY state").fetchall())


def next_expiry(db: sqlite3.Connection) -> int | None:
    """See `Inbox.next_expiry`."""
    (ends,) = db.execute("SELECT min(lease_end) FROM claims WHERE state = 'open'").fetchone()
    return max(ends - steady_ms(), 0) if isinstance(ends, int) else None
