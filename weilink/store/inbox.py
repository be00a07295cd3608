"""Received messages: stored together with their cursor, claimed by readers, acknowledged."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence

from weilink.store.clock import now_ms
from weilink.store.database import Database
from weilink.store.messages import COLUMNS, insert, message_of
from weilink.store.models import Claim, Delivery, Direction, NewMessage, StoredMessage
from weilink.store.quotes import resolved
from weilink.store.windows import remember_token
from weilink.store.working import begin

CLOCK_MS = 5_000
"""How far in the future a claim may seem to be made: clocks are corrected by a little."""
CLAIM_AT_MOST = 200
"""Messages that are looked at for one claim; the rest waits for the next."""

_OPEN = "SELECT 1 FROM messages WHERE delivery IN ('pending', 'claimed') LIMIT 1"

_COMMANDS = "SELECT 1 FROM messages WHERE delivery = 'command' LIMIT 1"

Fit = Callable[[Sequence[StoredMessage], int], int]
"""Given the oldest messages and how many are pending in all: how many of them to take."""
Wanted = Callable[[str, str], bool]
"""Given bot and user: whether the reader may have the messages of this conversation."""


def everything(bot_id: str, user_id: str) -> bool:
    """Want every conversation."""
    return True


class Inbox:
    """Received messages on their way to an agent.

    A message is pending until a reader claims it, claimed until the reader acknowledges, and
    pending again when the lease is over first. While a conversation has claimed messages nobody
    else gets its later ones, so that its order holds whatever becomes of the first reader.

    A claim in the name of an agent session is only written when it is acknowledged: `confirm`
    says that the session has read it, `forsake` that it never will.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    async def commit_batch(self, bot_id: str, cursor: str, messages: Sequence[NewMessage]) -> int:
        """Store a batch, its context tokens and its cursor in one transaction.

        An empty `cursor` leaves the old one. Messages that are there already are dropped.
        Returns how many were new.
        """
        return await self._db.write(_commit_batch, bot_id, cursor, messages)

    async def claim(
        self,
        reader: str,
        lease_ms: int,
        fit: Fit,
        wanted: Wanted = everything,
        session: str = "",
    ) -> Claim | None:
        """Give the oldest pending messages that are `wanted` to `reader`; `None` without any.

        `session` is the agent session that will have to show that it has read them, if any.
        """
        if not self.any_open():
            return None
        return await self._db.write(_claim, reader, lease_ms, fit, wanted, session)

    def any_open(self) -> bool:
        """Return whether any message is on its way to an agent."""
        # Most prompts find nothing. A read costs no write lock and no sync of the disk.
        return self._db.peek(_OPEN)

    async def expire(self) -> int:
        """Release the claims whose lease is over; return how many that were."""
        return await self._db.write(_expire) if self.any_open() else 0

    async def confirm(self, session: str) -> int:
        """The session has read what was written for it. Returns how many claims that were."""
        return await self._db.write(_confirm, session)

    async def forsake(self, session: str) -> int:
        """The session is gone: what it did not confirm is pending again. Returns how much."""
        return await self._db.write(_forsake, session)

    async def unconfirmed(self) -> set[str]:
        """Return the sessions for which something is written that they did not confirm."""
        return await self._db.read(_unconfirmed)

    async def waiting_conversations(self) -> dict[tuple[str, str], int]:
        """Return when (ms) the oldest pending message came, by bot and user."""
        return await self._db.read(_waiting_conversations)

    async def commands(self) -> list[StoredMessage]:
        """Return the messages to WeiLink itself that are not answered, oldest first."""
        if not self._db.peek(_COMMANDS):
            return []
        return await self._db.read(_commands)

    async def command_done(self, row: int) -> None:
        """A message to WeiLink itself was answered."""
        await self._db.write(_command_done, row)

    async def claim_states(self) -> dict[str, int]:
        """Return how many claims are open, written, acknowledged and released."""
        return await self._db.read(_claim_states)

    async def acknowledge(self, claim_id: str) -> bool:
        """The reader has written the messages where its agent reads them.

        Returns whether the claim still held. An acknowledgement that comes after the lease
        counts all the same as long as nobody else has claimed the messages.
        """
        return await self._db.write(_acknowledge, claim_id)

    async def renew(self, claim_id: str, lease_ms: int) -> None:
        """Keep an open claim for `lease_ms` more: the reader is still at work on it."""
        await self._db.write(_renew, claim_id, lease_ms)

    async def release(self, claim_id: str) -> None:
        """The reader could not deliver the messages: pending again."""
        await self._db.write(_release, claim_id)

    async def counts(self) -> dict[Delivery, int]:
        """Return how many received messages stand where on their way to an agent."""
        return await self._db.read(_counts)

    async def next_expiry(self) -> int | None:
        """Return when the next open lease ends (ms since 1970), `None` when none is open."""
        return await self._db.read(_next_expiry)


def _commit_batch(
    db: sqlite3.Connection, bot_id: str, cursor: str, messages: Sequence[NewMessage]
) -> int:
    now = now_ms()
    new = 0
    for message in messages:
        stored = insert(
            db,
            bot_id=bot_id,
            message_id=message.message_id,
            user_id=message.user_id,
            direction=Direction.RECEIVED,
            msg_type=message.msg_type,
            text=message.text,
            timestamp=message.timestamp,
            delivery=message.delivery,
            raw=message.raw,
            group_id=message.group_id,
            quote=resolved(db, bot_id, message),
        )
        new += stored
        # A repeated batch must not bring back a token that newer messages have replaced.
        if stored and message.context_token:
            remember_token(db, bot_id, message.user_id, message.context_token, now)
    db.execute(
        "INSERT INTO bots (bot_id, cursor, problem, updated_at) VALUES (?, ?, '', ?)"
        " ON CONFLICT (bot_id) DO UPDATE SET problem = '', updated_at = excluded.updated_at,"
        " cursor = CASE excluded.cursor WHEN '' THEN cursor ELSE excluded.cursor END",
        (bot_id, cursor, now),
    )
    return new


def _claim(
    db: sqlite3.Connection, reader: str, lease_ms: int, fit: Fit, wanted: Wanted, session: str
) -> Claim | None:
    now = now_ms()
    _expire(db)
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
        "INSERT INTO claims (id, reader, state, created_at, expires_at, session, folder)"
        " VALUES (?, ?, 'open', ?, ?, ?,"
        " coalesce((SELECT cwd FROM agent_sessions WHERE agent || ':' || id = ?), ''))",
        (claim_id, reader, now, now + lease_ms, session, reader),
    )
    db.executemany(
        "UPDATE messages SET delivery = 'claimed', claim_id = ? WHERE row = ?",
        [(claim_id, message.row) for message in taken],
    )
    return Claim(claim_id, tuple(taken), waiting - len(taken))


def _expire(db: sqlite3.Connection) -> int:
    now = now_ms()
    # A lease from the future was written before the clock was set back.
    over = db.execute(
        "SELECT id FROM claims WHERE state = 'open' AND (expires_at <= ? OR created_at > ?)",
        (now, now + CLOCK_MS),
    ).fetchall()
    for (claim_id,) in over:
        _release(db, claim_id)
    return len(over)


def _acknowledge(db: sqlite3.Connection, claim_id: str) -> bool:
    db.execute(
        "UPDATE claims SET state = CASE session WHEN '' THEN 'acknowledged' ELSE 'written' END,"
        " written_at = ? WHERE id = ? AND state IN ('open', 'released')",
        (now_ms(), claim_id),
    )
    # A release keeps claim_id on the messages, so that a late acknowledgement finds those that
    # nobody else has claimed since.
    delivered = db.execute(
        "UPDATE messages SET delivery = 'delivered'"
        " WHERE claim_id = ? AND delivery IN ('claimed', 'pending')",
        (claim_id,),
    ).rowcount
    if delivered:
        begin(db, claim_id)
    return delivered > 0


def _renew(db: sqlite3.Connection, claim_id: str, lease_ms: int) -> None:
    db.execute(
        "UPDATE claims SET expires_at = ? WHERE id = ? AND state = 'open'",
        (now_ms() + lease_ms, claim_id),
    )


def _release(db: sqlite3.Connection, claim_id: str) -> None:
    db.execute("UPDATE claims SET state = 'released' WHERE id = ? AND state = 'open'", (claim_id,))
    db.execute(
        "UPDATE messages SET delivery = 'pending' WHERE claim_id = ? AND delivery = 'claimed'",
        (claim_id,),
    )


def _confirm(db: sqlite3.Connection, session: str) -> int:
    return db.execute(
        "UPDATE claims SET state = 'acknowledged' WHERE session = ? AND state = 'written'",
        (session,),
    ).rowcount


def _forsake(db: sqlite3.Connection, session: str) -> int:
    lost = db.execute(
        "SELECT id FROM claims WHERE session = ? AND state IN ('open', 'written')", (session,)
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


def _unconfirmed(db: sqlite3.Connection) -> set[str]:
    return {s for (s,) in db.execute("SELECT session FROM claims WHERE state = 'written'")}


def _waiting_conversations(db: sqlite3.Connection) -> dict[tuple[str, str], int]:
    rows = db.execute(
        "SELECT bot_id, user_id, min(stored_at) FROM messages"
        " WHERE delivery IN ('pending', 'claimed') AND delivery = 'pending'"
        " GROUP BY bot_id, user_id"
    )
    return {(bot, user): stored_at for bot, user, stored_at in rows}


def _commands(db: sqlite3.Connection) -> list[StoredMessage]:
    query = f"SELECT {COLUMNS} FROM messages WHERE delivery = 'command' ORDER BY row"  # noqa: S608
    return [message_of(values) for values in db.execute(query)]


def _command_done(db: sqlite3.Connection, row: int) -> None:
    db.execute("UPDATE messages SET delivery = 'none' WHERE row = ?", (row,))


def _claim_states(db: sqlite3.Connection) -> dict[str, int]:
    return dict(db.execute("SELECT state, count(*) FROM claims GROUP BY state").fetchall())


def _counts(db: sqlite3.Connection) -> dict[Delivery, int]:
    rows = db.execute(
        "SELECT delivery, count(*) FROM messages WHERE direction = 'received' GROUP BY delivery"
    )
    return {Delivery(name): count for name, count in rows}


def _next_expiry(db: sqlite3.Connection) -> int | None:
    (expires,) = db.execute("SELECT min(expires_at) FROM claims WHERE state = 'open'").fetchone()
    return expires if isinstance(expires, int) else None
