"""Hooks that wait in the background of an idle agent, and wake it with what they print."""

from __future__ import annotations

import dataclasses
import logging

import anyio

from weilink.agents.speech import SPEECHES
from weilink.server.hooks.flow import Flow
from weilink.server.hooks.given import HookCall
from weilink.server.hooks.turns import Answer, claim_for, meant_for
from weilink.service import Service
from weilink.service.changes import wait
from weilink.store.agentsessions import AgentSession, AgentState

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks without any news: a lease may have run out."""
PATIENCE = 20.0
"""Seconds that a message waits for an agent at work to call a tool or end its turn. An agent that
was interrupted does neither; one that is woken at work reads it all the same, but Codex only after
its turn."""
COMING = 0.5
"""Seconds in which the waiting hook of a session that starts shows itself, if there is one."""
STARTING = 1.0
"""Seconds that a program which starts is given until it can be woken."""
ENDING = 0.3
"""Seconds that the hook at the end of a turn is given to let the agent go on: what it hands over
is a part of the turn, what wakes is told to the model as an event of the background."""
CONFIRMED = 0.5
"""What was written longer ago than this has been read when the agent asks for the next wake-up.
Its hooks of one event run side by side, so a moment before proves nothing."""


class EndingError(Exception):
    """This process stops leading: the hook is to wait at the next leader."""


class Waiters:
    """The waiting hooks, one for each session: a new one takes the place of the old."""

    def __init__(self, service: Service, flow: Flow) -> None:
        self._service = service
        self._flow = flow
        self._waiting: dict[str, anyio.CancelScope] = {}
        self._ending = False

    def close(self) -> None:
        """Send all that wait to the next leader."""
        self._ending = True
        for scope in self._waiting.values():
            scope.cancel()

    def waiting(self) -> list[str]:
        """Return the sessions of which a hook waits here."""
        return sorted(self._waiting)

    async def coming(self, session_id: str) -> bool:
        """Return whether the session that just started has a hook that waits for it."""
        end = anyio.current_time() + COMING
        while session_id not in self._waiting:
            if anyio.current_time() > end:
                return False
            await anyio.sleep(0.02)
        return True

    async def answer(self, call: HookCall) -> Answer | None:
        """Wait until there is something for the session; `None`: the hook is to end.

        Raises:
            EndingError: this process stops leading.
        """
        speech = SPEECHES.get(call.agent)
        presence = self._service.presence
        if speech is None or not speech.waits or call.in_subagent:
            return None
        if not call.again:
            presence.confirm(call.session, older_than=CONFIRMED)
        sign = call.sign()
        if self._flow.just_went_on(call.session):
            # The hook beside this one let it go on: it is not idle.
            sign = dataclasses.replace(sign, state=None)
        session = presence.note(sign)
        if session is None or not session.interactive:
            return None
        with anyio.CancelScope() as scope:
            if (before := self._waiting.pop(session.id, None)) is not None:
                before.cancel()
            self._waiting[session.id] = scope
            try:
                return await self._wait(call)
            finally:
                if self._waiting.get(session.id) is scope:
                    del self._waiting[session.id]
        if self._ending:
            raise EndingError
        return None

    async def _wait(self, call: HookCall) -> Answer | None:
        service = self._service
        patience = Patience()
        if not call.again:
            await anyio.sleep(STARTING if call.event == "SessionStart" else ENDING)
        while True:
            changed, left = service.changes.next, LOOK_EVERY
            session = service.presence.get(call.session)
            if session is None:
                return None
            if service.claims.any_open():
                await service.presence.refresh()
                wanted = meant_for(service, session)
                if not patience.over(session, await _any(service, session)):
                    left = patience.left(LOOK_EVERY)
                else:
                    handover = await claim_for(service, call, session, wanted, wakes=True)
                    if handover is not None:
                        logger.info(
                            "claim %.8s: wakes %s session %s",
                            handover.claim_id, call.agent, call.session,
                        )  # fmt: skip
                        self._flow.woken(session)
                        return Answer(handover.text, handover.claim_id, wakes=True)
            await wait(changed, left)


class Patience:
    """How long messages for a session at work are left to the hooks of its turn."""

    def __init__(self) -> None:
        self._since: float | None = None

    def over(self, session: AgentSession, anything: bool) -> bool:
        """Return whether the session is to be woken for the messages that wait for it."""
        if not anything:
            self._since = None
            return False
        if session.state is AgentState.IDLE:
            return True
        if self._since is None:
            self._since = anyio.current_time()
        return anyio.current_time() - self._since >= PATIENCE

    def left(self, at_most: float) -> float:
        """Return the seconds until the answer may be another one."""
        if self._since is None:
            return at_most
        return min(at_most, max(self._since + PATIENCE - anyio.current_time(), 0) + 0.01)


async def _any(service: Service, session: AgentSession) -> bool:
    wanted = meant_for(service, session)
    return any(wanted(b, u) for b, u in await service.store.inbox.waiting_conversations())
