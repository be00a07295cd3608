"""What becomes of a part that was sent, or was not: the one place that decides and records it."""

from __future__ import annotations

import shlex

from weilink.i18n import t
from weilink.ilink.cdn import MediaError
from weilink.ilink.errors import RefusedError, ServiceError, StaleTokenError
from weilink.ilink.hosts import ForbiddenUrlError
from weilink.service.receiving import STALE
from weilink.service.spool import Spool
from weilink.service.typing import learn
from weilink.service.uploading import LostFileError
from weilink.store import Store
from weilink.store.clock import now_ms
from weilink.store.credentials import BotSession
from weilink.store.models import Part, PartState, ReplyWindow

RETRIES = (2_000, 10_000, 30_000, 60_000, 300_000)
"""Pauses (ms) after the first, second, … try that failed for a passing reason."""
GIVE_UP = 4
"""Refusals after which a part is given up: `ret` -2 on as many tokens, or another error."""
TOOL = "TOOL"
"""`msg_type` of a tool call that is shown: the answer must not suffer for it."""
PASSING = (429, *range(500, 600))
"""HTTP statuses of a service that is down or busy: no verdict on the part, so it waits."""
NEVER = 2**62
"""`next_try_at` of a part that waits for the user or for a login, not for time to pass."""

WINDOW_CLOSED = "WeChat takes no more replies now; it goes out with the user's next message"
NO_WINDOW = "the user has not written to this bot yet; it goes out with their first message"
VANISHED = (
    "WeChat took it and gave it no id, as it does on an old context that shows it to nobody; it "
    "goes out again with the user's next message"
)
EXPIRED = "given up after three days in the queue"
CANCELLED = "the sending was cancelled"


def state_word(state: str) -> str:
    """Return what people are told of the state of a part; programs get the state itself."""
    words = {
        PartState.SENT.value: t("sent"),
        PartState.FAILED.value: t("failed"),
        PartState.SENDING.value: t("being sent"),
    }
    return words.get(state, t("queued"))


def stale(bot: BotSession) -> str:
    """Return what is told of a bot whose login has ended: the cure."""
    return STALE.format(name=shlex.quote(bot.name))


class Outcomes:
    """Records outcomes."""

    def __init__(self, store: Store, spool: Spool) -> None:
        self._store = store
        self._spool = spool
        # Whether answers carry a message id: then one without it is no success.
        self._gives_ids = False

    async def accepted(self, part: Part, window: ReplyWindow, message_id: str) -> bool:
        """Record that iLink took a part; whether the next one may follow."""
        if message_id:
            self._gives_ids = True
        elif part.msg_type != TOOL and (self._gives_ids or await self._store.outbox.gives_ids()):
            await self._store.windows.died(part.bot_id, part.user_id, window.token)
            await self._hold(part, VANISHED, NEVER, refused=True)
            return False
        await self._store.outbox.sent(part, message_id, window.token)
        if now_window := await self._store.windows.get(part.bot_id, part.user_id):
            await learn(self._store, now_window, refused=False)
        if part.upload is not None:
            self._spool.drop(part.client_id)
        return True

    async def not_sent(
        self, bot: BotSession, part: Part, window: ReplyWindow, problem: Exception
    ) -> bool:
        """Record why a part did not go out; whether the next one may follow all the same."""
        if isinstance(problem, StaleTokenError):
            cure = stale(bot)
            await self._store.bots.set_problem(bot.bot_id, cure)
            await self._hold(part, f"bot {bot.name}: {cure}", NEVER)
        elif isinstance(problem, RefusedError) and problem.endpoint == "sendmessage":
            if part.msg_type == TOOL:
                # Perhaps it takes no tool calls: that says nothing of the answer to come.
                return await self.give_up(part, str(problem))
            if part.refusals + 1 >= GIVE_UP:
                # Refused on one fresh token after the other: it is not the token.
                return await self.give_up(part, str(problem))
            typed = await learn(self._store, window, refused=True)
            if typed and await self._store.windows.fall_back(
                bot.bot_id, part.user_id, window.token
            ):
                # What typing has cost goes out on the token before, which has replies left.
                await self._hold(part, "", 0)
                return True
            await self._store.windows.died(bot.bot_id, part.user_id, window.token)
            await self._hold(part, WINDOW_CLOSED, NEVER, refused=True)
        elif isinstance(problem, LostFileError):
            return await self.give_up(
                part, "its file in WeiLink's outbox folder is gone or damaged"
            )
        elif isinstance(problem, ForbiddenUrlError):
            return await self.give_up(part, str(problem))
        elif (isinstance(problem, ServiceError) and problem.code not in PASSING) or (
            isinstance(problem, MediaError) and problem.final
        ):
            if part.errors + 1 >= GIVE_UP:
                return await self.give_up(part, str(problem))
            await self.again(part, f"{problem}; it will be tried again", error=True)
        else:
            await self.again(part, f"{problem}; it will be tried again")
        return False

    async def give_up(self, part: Part, reason: str, *, only_queued: bool = False) -> bool:
        """Record that a part will not be sent; the next one may follow.

        With `only_queued` one that is being sent, or is settled, is left alone.
        """
        given_up = await self._store.outbox.failed(part.row, reason, only_queued=only_queued)
        if part.upload is not None and (given_up or not only_queued):
            self._spool.drop(part.client_id)
        return True

    async def _hold(
        self, part: Part, reason: str, next_try_at: int, *, refused: bool = False,
        error: bool = False,
    ) -> None:  # fmt: skip
        await self._store.outbox.hold(
            part.bot_id, part.user_id, reason, next_try_at, part.row, refused=refused, error=error
        )

    async def again(self, part: Part, reason: str, *, error: bool = False) -> None:
        """Queue a part again, to be tried after a pause."""
        pause = RETRIES[min(part.attempts, len(RETRIES) - 1)]
        await self._hold(part, reason, now_ms() + pause, error=error)
