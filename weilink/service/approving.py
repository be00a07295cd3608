"""Asking the owner on the phone whether an agent may do something."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from weilink.i18n import t
from weilink.service.atonce import send_at_once
from weilink.service.changes import Changes, wait
from weilink.service.owners import reachable_owner
from weilink.service.phonewords import Verdict, new_code
from weilink.service.sending import Sender
from weilink.service.visible import visible
from weilink.store import Store
from weilink.store.approvals import Approval, ApprovalState
from weilink.store.clock import now_ms

logger = logging.getLogger(__name__)

MOST_DETAIL = 1_000
"""Characters of a command that are shown; a person must see what they allow, on a phone."""
LOOK_EVERY = 1.0
"""Seconds between two looks whether the agent is still there."""


@dataclass(frozen=True)
class Question:
    """What an agent wants to do: call `tool`; `detail` is its command or the like.

    `helper` is true of one asked by a helper of the agent, which goes on beside its session.
    """

    agent: str
    session: str
    cwd: str
    tool: str
    detail: str
    helper: bool = False


@dataclass(frozen=True)
class _Asked:
    """An open question, and whether the agent that asked it is still there."""

    question: Question
    there: Callable[[], bool]


class Approving:
    """Asks, waits, and takes the answers. Only the person asked can answer, and only once.

    Only the leader asks and hears answers, so it knows who waits for one.
    """

    def __init__(self, store: Store, changes: Changes, sender: Sender) -> None:
        self._store = store
        self._changes = changes
        self._sender = sender
        self._open: dict[int, _Asked] = {}

    def asks(self, session: str) -> bool:
        """Return whether the owner is being asked something for this session."""
        return any(asked.question.session == session for asked in self._open.values())

    async def ask(
        self, question: Question, seconds: float, there: Callable[[], bool] = lambda: True
    ) -> Approval | None:
        """Ask and wait; `None` when there was no answer and the agent is to ask as usual.

        What is too long to be seen whole on the phone is not asked there. An answer counts only
        while the agent is `there`.
        """
        owner = await reachable_owner(self._store)
        shown = (question.tool, question.cwd, question.detail)
        if owner is None or owner.replies_left == 0 or len(visible("".join(shown))) > MOST_DETAIL:
            return None
        asked = await self._keep(question, owner.user_id)
        self._open[asked.row] = _Asked(question, there)
        try:
            with anyio.move_on_after(seconds):
                if await self._send(asked, seconds):
                    return await self._answered(asked, there)
            if not await self._settle(asked, ApprovalState.EXPIRED):
                return await self._decided(asked)  # answered at the last moment
            return None
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._settle(asked, ApprovalState.WITHDRAWN)
            raise
        finally:
            del self._open[asked.row]

    async def _answered(self, asked: Approval, there: Callable[[], bool]) -> Approval | None:
        """Wait until the question is settled."""
        while True:
            changed = self._changes.next
            now = await self._store.approvals.get(asked.row)
            if now is not None and now.state is not ApprovalState.OPEN:
                return await self._decided(asked)
            if not there():
                await self._settle(asked, ApprovalState.WITHDRAWN)
                return None
            await wait(changed, LOOK_EVERY)

    async def _decided(self, asked: Approval) -> Approval | None:
        now = await self._store.approvals.get(asked.row)
        decided = (ApprovalState.ALLOWED, ApprovalState.DENIED)
        return now if now is not None and now.state in decided else None

    async def withdraw(self, session: str, tool: str = "", detail: str = "") -> None:
        """The session went on, so it was answered at the computer: the phone's comes too late.

        With `tool` it did just that; without, its turn is over, but not that of its helpers.
        """
        for row, asked in list(self._open.items()):
            question = asked.question
            over = (question.tool, question.detail) == (tool, detail)
            if question.session == session and (over if tool else not question.helper):
                found = await self._store.approvals.get(row)
                if found is not None:
                    await self._settle(found, ApprovalState.WITHDRAWN)

    async def answer(self, user_id: str, verdict: Verdict) -> str:
        """Take an answer of `user_id`; return what to tell them."""
        asked = await self._store.approvals.newest(verdict.code)
        if asked is None or asked.user_id != user_id:
            logger.warning("%s answered an approval that nobody asked of them", user_id)
            return t("Nobody asked with the code {code}.", code=verdict.code)
        state = ApprovalState.ALLOWED if verdict.allows else ApprovalState.DENIED
        waiting = self._open.get(asked.row)
        if waiting is None or not waiting.there():
            state = ApprovalState.WITHDRAWN  # nobody would do as they say
        settled = await self._settle(asked, state, verdict.reason)
        if not settled or state is ApprovalState.WITHDRAWN:
            return t("{code} is not open any more; nothing was changed.", code=verdict.code)
        return (
            t("Allowed: {tool} ({code})", tool=asked.tool, code=asked.code)
            if verdict.allows
            else t("Refused: {tool} ({code})", tool=asked.tool, code=asked.code)
        )

    async def _keep(self, question: Question, user_id: str) -> Approval:
        while True:
            asked = await self._store.approvals.ask(
                Approval(
                    row=0,
                    code=new_code(),
                    agent=question.agent,
                    session=question.session,
                    cwd=question.cwd,
                    tool=question.tool,
                    detail=question.detail,
                    user_id=user_id,
                    state=ApprovalState.OPEN,
                    reason="",
                    asked_at=now_ms(),
                    settled_at=0,
                )
            )
            if asked is not None:
                return asked

    async def _send(self, asked: Approval, seconds: float) -> bool:
        text = t(
            "{agent} asks to use {tool} in {cwd}:\n\n{detail}\n\n"
            "Answer: y {code} to allow, n {code} (and why) to refuse. "
            "Without an answer in {seconds} seconds it is asked at the computer.",
            agent=asked.agent, tool=visible(asked.tool), cwd=visible(asked.cwd),
            detail=visible(asked.detail), code=asked.code, seconds=round(seconds),
        )  # fmt: skip
        return await send_at_once(self._store, self._sender, asked.user_id, text)

    async def _settle(self, asked: Approval, state: ApprovalState, reason: str = "") -> bool:
        settled = await self._store.approvals.settle(asked.row, state, reason)
        if settled:
            logger.info(
                "approval %s of %s session %s (%s): %s",
                asked.code, asked.agent, asked.session, asked.tool, state.value,
            )  # fmt: skip
            self._changes.notify()
        return settled
