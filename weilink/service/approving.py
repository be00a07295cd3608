"""Asking the owner on the phone whether an agent may do something."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import anyio

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.service.changes import Changes, wait
from weilink.service.owners import reachable_owner
from weilink.service.phonewords import Verdict, new_code
from weilink.service.sending import Sender
from weilink.service.visible import visible
from weilink.store import Store
from weilink.store.approvals import Approval, ApprovalState
from weilink.store.clock import now_ms
from weilink.store.models import PartState

logger = logging.getLogger(__name__)

MOST_DETAIL = 1_000
"""Characters of a command that are shown; a person must see what they allow, on a phone."""


@dataclass(frozen=True)
class Question:
    """What an agent wants to do: call `tool`; `detail` is its command or the like."""

    agent: str
    session: str
    cwd: str
    tool: str
    detail: str


class Approving:
    """Asks, waits, and takes the answers. Only the person asked can answer, and only once."""

    def __init__(self, store: Store, changes: Changes, sender: Sender) -> None:
        self._store = store
        self._changes = changes
        self._sender = sender

    async def ask(self, question: Question, seconds: float) -> Approval | None:
        """Ask and wait; `None` when there was no answer and the agent is to ask as usual.

        What is too long to be seen whole on the phone is not asked there.
        """
        owner = await reachable_owner(self._store)
        if owner is None or owner.replies_left == 0 or len(question.detail) > MOST_DETAIL:
            return None
        asked = await self._keep(question, owner.user_id)
        try:
            if not await self._send(asked, seconds):
                await self._settle(asked, ApprovalState.EXPIRED)
                return None
            with anyio.move_on_after(seconds):
                while True:
                    changed = self._changes.next
                    now = await self._store.approvals.get(asked.row)
                    if now is not None and now.state is not ApprovalState.OPEN:
                        decided = (ApprovalState.ALLOWED, ApprovalState.DENIED)
                        return now if now.state in decided else None
                    await wait(changed, 5)
            if not await self._settle(asked, ApprovalState.EXPIRED):
                # Answered at the last moment.
                return await self._store.approvals.get(asked.row)
            return None
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._settle(asked, ApprovalState.WITHDRAWN)
            raise

    async def answer(self, user_id: str, verdict: Verdict) -> str:
        """Take an answer of `user_id`; return what to tell them."""
        asked = await self._store.approvals.newest(verdict.code)
        if asked is None or asked.user_id != user_id:
            logger.warning("%s answered an approval that nobody asked of them", user_id)
            return t("Nobody asked with the code {code}.", code=verdict.code)
        state = ApprovalState.ALLOWED if verdict.allows else ApprovalState.DENIED
        if not await self._settle(asked, state, verdict.reason):
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
        try:
            result = await self._sender.send_text(asked.user_id, text)
        except WeiLinkError as error:
            logger.warning("an approval could not be asked for: %s", error)
            return False
        return all(part.state is PartState.SENT for part in result.parts)

    async def _settle(self, asked: Approval, state: ApprovalState, reason: str = "") -> bool:
        settled = await self._store.approvals.settle(asked.row, state, reason)
        if settled:
            logger.info(
                "approval %s of %s session %s (%s): %s",
                asked.code, asked.agent, asked.session, asked.tool, state.value,
            )  # fmt: skip
            self._changes.notify()
        return settled
