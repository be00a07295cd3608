"""Received messages: stored together with their cursor, claimed by readers, acknowledged."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from weilink.store import claimed
from weilink.store.bots import works
from weilink.store.claimed import Fit, UnderWay, Waking, Wanted, everything
from weilink.store.clock import now_ms
from weilink.store.database import Database
from weilink.store.messages import COLUMNS, insert, message_of
from weilink.store.models import Claim, Delivery, Direction, NewMessage, StoredMessage
from weilink.store.quotes import resolved
from weilink.store.windows import remember_token

_OPEN = "SELECT 1 FROM messages WHERE delivery IN ('pending', 'claimed') LIMIT 1"

_COMMANDS = "SELECT 1 FROM messages WHERE delivery = 'command' LIMIT 1"


class Inbox:
    """Received messages on their way to an agent.

    A message is pending until a reader claims it, claimed until the reader acknowledges, and
    pending again when the lease is over first. While a conversation has claimed messages nobody
    else gets its later ones, so that its order holds whatever becomes of the first reader.

    A claim in the name of an agent session is only written when it is acknowledged: `confirm`
    says that the session has read it, `forsake` that it never will. One that `wakes` went into
    the agent's own queue: its messages stay claimed until then, so that nothing overtakes them.
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
        *,
        wakes: bool = False,
    ) -> Claim | None:
        """Give the oldest pending messages that are `wanted` to `reader`; `None` without any.

        `session` is the agent session that will have to show that it has read them, if any;
        with `wakes` by showing just these (`confirm` with `woken`).
        """
        if not self.any_open():
            return None
        return await self._db.write(claimed.claim, reader, lease_ms, fit, wanted, session, wakes)

    def any_open(self) -> bool:
        """Return whether any message is on its way to an agent."""
        # Most prompts find nothing. A read costs no write lock and no sync of the disk.
        return self._db.peek(_OPEN)

    async def expire(self) -> int:
        """Release the claims whose lease is over; return how many that were."""
        return await self._db.write(claimed.expire) if self.any_open() else 0

    async def confirm(self, claims: Sequence[str], *, woken: str = "") -> int:
        """These claims were written, and their session has read them. Returns how many that were.

        `woken` is the one of them that the session began a turn with, if any: it has read that
        even when nobody has acknowledged it yet.
        """
        return await self._db.write(claimed.confirm, claims, woken)

    async def forsake(self, session: str, claim_id: str = "") -> int:
        """The session will not read what it did not confirm, or that one claim: pending again.

        Returns how many messages that were.
        """
        return await self._db.write(claimed.forsake, session, claim_id)

    async def waking(self) -> dict[str, Waking]:
        """Return the claims that are to wake a session and are not read."""
        return await self._db.read(claimed.waking)

    async def unconfirmed(self) -> dict[str, str]:
        """Return the claims that are written and not known to be read, each with its session."""
        return await self._db.read(claimed.unconfirmed)

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

    async def under_way(self) -> list[UnderWay]:
        """Return the claims that are open, and those not known to be read."""
        return await self._db.read(claimed.under_way)

    async def claim_states(self) -> dict[str, int]:
        """Return how many claims are open, written, acknowledged and released."""
        return await self._db.read(claimed.states)

    async def acknowledge(self, claim_id: str) -> bool:
        """The reader has written the messages where its agent reads them.

        Returns whether the claim still held. An acknowledgement that comes after the lease
        counts all the same as long as nobody else has claimed the messages.
        """
        return await self._db.write(claimed.acknowledge, claim_id)

    async def renew(self, claim_id: str, lease_ms: int) -> None:
        """Keep an open claim for `lease_ms` more: the reader is still at work on it."""
        await self._db.write(claimed.renew, claim_id, lease_ms)

    async def release(self, claim_id: str) -> None:
        """The reader could not deliver the messages: pending again."""
        await self._db.write(claimed.release, claim_id)

    async def counts(self) -> dict[Delivery, int]:
        """Return how many received messages stand where on their way to an agent.

        `Delivery.NONE` is not counted.
        """
        return await self._db.read(_counts)

    async def next_expiry(self) -> int | None:
        """Return in how many milliseconds the next lease ends, `None` when none is open."""
        return await self._db.read(claimed.next_expiry)


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
    works(db, bot_id)
    db.execute(
        "INSERT INTO bots (bot_id, cursor, problem, updated_at) VALUES (?, ?, '', ?)"
        " ON CONFLICT (bot_id) DO UPDATE SET problem = '', updated_at = excluded.updated_at,"
        " cursor = CASE excluded.cursor WHEN '' THEN cursor ELSE excluded.cursor END",
        (bot_id, cursor, now),
    )
    return new


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


def _counts(db: sqlite3.Connection) -> dict[Delivery, int]:
    # Each from an index alone: a page asks for this several times a second, however long the
    # history is.
    count = "SELECT count(*) FROM messages WHERE delivery"
    (on_the_way,) = db.execute(f"{count} IN ('pending', 'claimed')").fetchone()
    (claimed,) = db.execute(f"{count} = 'claimed'").fetchone()
    (commands,) = db.execute(f"{count} = 'command'").fetchone()
    settled = db.execute(
        "SELECT delivery, count(*) FROM messages WHERE delivery IN ('delivered', 'held')"
        " GROUP BY delivery"
    )
    counts = {
        Delivery.PENDING: on_the_way - claimed,
        Delivery.CLAIMED: claimed,
        Delivery.COMMAND: commands,
        **{Delivery(name): number for name, number in settled},
    }
    return {state: number for state, number in counts.items() if number}
