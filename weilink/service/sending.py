"""Sending: every part through the outbox, every outcome told as what it is."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio

from weilink.errors import NotLoggedInError, UsageError
from weilink.ilink.client import ILinkClient
from weilink.ilink.errors import (
    AnswerError,
    NetworkError,
    RefusedError,
    ServiceError,
    StaleTokenError,
)
from weilink.ilink.models import ItemType
from weilink.service.changes import Changes, wait
from weilink.service.receiving import STALE
from weilink.service.splitting import split
from weilink.store import Store
from weilink.store.clock import now_ms
from weilink.store.credentials import BotSession
from weilink.store.models import Part, PartState, ReplyWindow

logger = logging.getLogger(__name__)

REPLIES = 10
"""Messages that one context token carries; the next one is refused (reported by users)."""
LEASE_MS = 60_000
"""Longer than any call to iLink: a part still `sending` after this has lost its sender."""
SETTLE = 45.0
"""Seconds a caller waits for its parts before it is told that they are queued."""
RETRIES = (2_000, 10_000, 30_000, 60_000, 300_000)
"""Pauses (ms) after the first, second, … try that failed for a passing reason."""
NOW = 2
"""Tries made at once when an answer got lost: with the same `client_id` they do not double."""

GIVE_UP_REFUSED = 4
"""Refusals (`ret` -2) after which a part is given up."""
NEVER = 2**62
"""`next_try_at` of a part that waits for the user or for a login, not for time to pass."""

WINDOW_CLOSED = "WeChat takes no more replies now; it goes out with the user's next message"
NO_WINDOW = "the user has not written to this bot yet; it goes out with their first message"

ClientFor = Callable[[BotSession], ILinkClient]


@dataclass(frozen=True)
class SendResult:
    """What became of each part, and how many replies the user's window still takes."""

    user_id: str
    bot: BotSession
    parts: list[Part]
    replies_left: int


class Sender:
    """Sends through whichever bot the user wrote to last."""

    def __init__(self, store: Store, changes: Changes, client_for: ClientFor) -> None:
        self._store = store
        self._changes = changes
        self._client_for = client_for

    async def send_text(self, user_id: str, text: str) -> SendResult:
        """Send `text`, in as many parts as it needs.

        Raises:
            NotLoggedInError: no bot session is there.
            UsageError: the text is empty, or nobody of that id ever wrote.
        """
        if not text.strip():
            raise UsageError("there is nothing to send: the text is empty")
        bot = await self._bot_for(user_id)
        parts = [(secrets.token_hex(16), text_item(part), part) for part in split(text)]
        rows = await self._store.outbox.add(bot.bot_id, user_id, parts)
        settled = await self._settled(bot, user_id, rows)
        window = await self._store.windows.get(bot.bot_id, user_id)
        return SendResult(user_id, bot, settled, replies_left(window))

    async def _bot_for(self, user_id: str) -> BotSession:
        sessions = {session.bot_id: session for session in self._store.credentials.load()}
        if not sessions:
            raise NotLoggedInError("no bot is logged in: run 'weilink login' (or the login tool)")
        for window in await self._store.windows.of_user(user_id):
            if window.bot_id in sessions:
                return sessions[window.bot_id]
        known = sorted({window.user_id for window in await self._store.windows.all()})
        people = ", ".join(known[:5]) + (", …" if len(known) > 5 else "") if known else "nobody yet"
        raise UsageError(
            f"'{user_id}' never wrote to a bot of this computer, and WeChat lets a bot only "
            f"answer. People who wrote: {people}"
        )

    async def _settled(self, bot: BotSession, user_id: str, rows: list[int]) -> list[Part]:
        """Send, and wait while another process is sending in the same conversation."""
        with anyio.move_on_after(SETTLE):
            while True:
                changed = self._changes.next
                await self.flush(bot, user_id)
                parts = await self._store.outbox.get(rows)
                if not any(_under_way(part) for part in parts):
                    return parts
                await wait(changed, 1)
        return await self._store.outbox.get(rows)

    async def flush(self, bot: BotSession, user_id: str) -> None:
        """Send what is queued for a conversation, oldest first, until something is in the way."""
        while True:
            window = await self._store.windows.get(bot.bot_id, user_id)
            if window is None or replies_left(window) == 0:
                reason = WINDOW_CLOSED if window else NO_WINDOW
                await self._store.outbox.hold(bot.bot_id, user_id, reason, NEVER)
                return
            part = await self._store.outbox.next(bot.bot_id, user_id, LEASE_MS)
            if part is None:
                return
            try:
                settled = await self._send(bot, part, window)
            except BaseException:
                # Cancelled or a bug: whether it arrived is not known. The same client_id again.
                with anyio.CancelScope(shield=True):
                    await self._again(part, "sending was interrupted; it will be tried again")
                raise
            self._changes.notify()
            if not settled:
                return

    async def _send(self, bot: BotSession, part: Part, window: ReplyWindow) -> bool:
        """Send one part and record what became of it; whether the next one may follow."""
        try:
            message_id = await self._call(bot, part, window)
        except StaleTokenError:
            problem = STALE.format(name=bot.name)
            await self._store.bots.set_problem(bot.bot_id, problem)
            await self._hold(part, f"bot {bot.name}: {problem}", NEVER)
        except RefusedError as error:
            await self._store.windows.died(bot.bot_id, part.user_id, window.token)
            if part.attempts >= GIVE_UP_REFUSED:
                # Refused on one fresh token after the other: it is not the token.
                await self._store.outbox.failed(part.row, str(error))
                return True
            await self._hold(part, WINDOW_CLOSED, NEVER)
        except (NetworkError, AnswerError) as error:
            await self._again(part, f"{error}; it will be tried again")
        except ServiceError as error:
            if part.attempts >= len(RETRIES):
                await self._store.outbox.failed(part.row, str(error))
                return True
            await self._again(part, f"{error}; it will be tried again")
        else:
            await self._store.outbox.sent(part, message_id, window.token)
            return True
        return False

    async def _call(self, bot: BotSession, part: Part, window: ReplyWindow) -> str:
        client = self._client_for(bot)
        for attempt in range(1, NOW + 1):
            try:
                answer = await client.send_message(
                    to_user_id=part.user_id,
                    item=part.item,
                    client_id=part.client_id,
                    context_token=window.token,
                )
            except (NetworkError, AnswerError) as error:
                if attempt == NOW:
                    raise
                logger.info("%s; trying again with the same client_id", error)
            else:
                return answer.message_id
        raise AssertionError("unreachable")

    async def _hold(self, part: Part, reason: str, next_try_at: int) -> None:
        await self._store.outbox.hold(part.bot_id, part.user_id, reason, next_try_at, part.row)

    async def _again(self, part: Part, reason: str) -> None:
        pause = RETRIES[min(part.attempts, len(RETRIES) - 1)]
        await self._hold(part, reason, now_ms() + pause)

    async def flush_due(self) -> float:
        """Send everything that can go out now; return the seconds until more is due.

        A conversation whose window opened again, or whose bot is logged in again, is due at once.
        """
        sessions = {session.bot_id: session for session in self._store.credentials.load()}
        soonest = 3600.0
        for bot_id, user_id, due_at in await self._store.outbox.due():
            bot = sessions.get(bot_id)
            if bot is None:
                continue
            if due_at == NEVER:
                window = await self._store.windows.get(bot_id, user_id)
                problem = (await self._store.bots.get(bot_id)).problem
                if replies_left(window) == 0 or problem:
                    continue
            elif due_at > now_ms():
                soonest = min(soonest, (due_at - now_ms()) / 1000)
                continue
            await self.flush(bot, user_id)
        return soonest


def _under_way(part: Part) -> bool:
    return part.state is PartState.SENDING or (part.state is PartState.QUEUED and not part.reason)


def text_item(text: str) -> dict[str, Any]:
    """Return the wire item of a text."""
    return {"type": int(ItemType.TEXT), "text_item": {"text": text}}


def replies_left(window: ReplyWindow | None) -> int:
    """Return how many messages the window still takes."""
    if window is None or window.dead:
        return 0
    return max(REPLIES - window.replies_used, 0)
