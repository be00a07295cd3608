"""Waking agents that have no waiting hook but take a prompt from outside: Codex."""

from __future__ import annotations

import logging
import subprocess

import anyio
import anyio.abc

from weilink.agents.codex_wake import queue_command
from weilink.agents.speech import SPEECHES
from weilink.server.hooks.flow import Flow
from weilink.server.hooks.turns import meant_for
from weilink.server.hooks.waiting import LOOK_EVERY, Patience
from weilink.service import Service
from weilink.service.changes import wait
from weilink.store.agentsessions import AgentSession

logger = logging.getLogger(__name__)

AGENT = "codex"
ANSWER_SECONDS = 8.0
"""How long the program may take; shorter than the lease of what it is given."""
AFTER_FAILURE = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds until a session that could not be woken is tried again. The background server of Codex
refuses for moments while it starts or updates itself; an older Codex cannot be woken at all."""


class Queueing:
    """Gives idle sessions what waits for them, one after the other for each session."""

    def __init__(self, service: Service, flow: Flow) -> None:
        self._service = service
        self._flow = flow
        self._patience: dict[str, Patience] = {}
        self._busy: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Wake sessions until cancelled."""
        service = self._service
        async with anyio.create_task_group() as tasks:
            while True:
                changed = service.changes.next
                left = LOOK_EVERY
                if service.claims.any_open():
                    await service.presence.refresh()
                    waiting = await service.store.inbox.waiting_conversations()
                    for session in service.presence.live():
                        if session.agent == AGENT and session.interactive:
                            left = min(left, self._consider(session, list(waiting), tasks))
                await wait(changed, left)

    def _consider(
        self,
        session: AgentSession,
        waiting: list[tuple[str, str]],
        tasks: anyio.abc.TaskGroup,
    ) -> float:
        """Wake the session when it is time; return the seconds until it may be."""
        wanted = meant_for(self._service, session)
        patience = self._patience.setdefault(session.id, Patience())
        over = patience.over(session, any(wanted(bot, user) for bot, user in waiting))
        pause = self._not_before.get(session.id, 0.0) - anyio.current_time()
        if over and pause <= 0 and session.id not in self._busy:
            self._busy.add(session.id)
            tasks.start_soon(self._wake, session)
        return max(pause, 0.01) if over and pause > 0 else patience.left(LOOK_EVERY)

    async def _wake(self, session: AgentSession) -> None:
        try:
            await self._give(session)
        finally:
            self._busy.discard(session.id)
            self._service.changes.notify()

    async def _give(self, session: AgentSession) -> None:
        service, speech = self._service, SPEECHES[AGENT]
        reader = f"{AGENT}:{session.id}"
        wanted = meant_for(service, session)
        handover = await service.claims.envelope(
            reader, speech.limit, speech.size, wanted, session.id
        )
        if handover is None:
            return
        given = False
        try:
            # Looked at once more at the last moment: what is queued for a conversation that is
            # over would wait for its resumption.
            if (now := service.presence.get(session.id)) is not None:
                # Before it is queued: the hook of the prompt may come before the program's answer.
                self._flow.woken(now, handover.text)
                given = await _queue(session, handover.text)
        finally:
            with anyio.CancelScope(shield=True):
                if given:
                    self._failures.pop(session.id, None)
                    await service.claims.acknowledge(handover.claim_id)
                else:
                    self._flow.not_woken(session.id, handover.text)
                    failures = self._failures.get(session.id, 0)
                    pause = AFTER_FAILURE[min(failures, len(AFTER_FAILURE) - 1)]
                    self._failures[session.id] = failures + 1
                    self._not_before[session.id] = anyio.current_time() + pause
                    await service.claims.release(handover.claim_id)
        if given:
            logger.info("claim %.8s: wakes %s session %s", handover.claim_id, AGENT, session.id)


async def _queue(session: AgentSession, text: str) -> bool:
    command = queue_command(session.pid, session.id, text)
    if command is None:
        logger.warning("codex session %s: its program is not to be found", session.id)
        return False
    arguments, environment = command
    try:
        with anyio.fail_after(ANSWER_SECONDS):
            done = await anyio.run_process(
                arguments,
                stdin=subprocess.DEVNULL,
                check=False,
                env=environment,
            )
    except (OSError, TimeoutError) as error:
        logger.warning("codex session %s could not be woken: %r", session.id, error)
        return False
    if done.returncode != 0:
        logger.warning(
            "codex session %s could not be woken (exit code %d): %s",
            session.id, done.returncode, done.stderr.decode(errors="replace").strip()[:200],
        )  # fmt: skip
    return done.returncode == 0
