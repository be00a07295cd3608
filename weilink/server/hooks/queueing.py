"""Waking agents that have no waiting hook but take a prompt from outside: Codex."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import tempfile

import anyio
import anyio.abc
import anyio.to_thread

from weilink.agents.codex_wake import codex_daemon, queue_command
from weilink.agents.speech import SPEECHES
from weilink.server.hooks.flow import Flow
from weilink.server.hooks.turns import meant_for
from weilink.server.hooks.waiting import LOOK_EVERY, Patience
from weilink.service import Service
from weilink.service.changes import wait
from weilink.service.claiming import LEASE_MS, Handover
from weilink.store.agentsessions import AgentSession

logger = logging.getLogger(__name__)

AGENT = "codex"
ANSWER_SECONDS = 30.0
"""How long the program may take; the lease of what it is given is renewed meanwhile."""
AFTER_FAILURE = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds until a session that could not be woken is tried again. The background server of Codex
refuses for moments while it starts or updates itself; an older Codex cannot be woken at all."""


# Leaves the acknowledgement itself, so that it is known also when this process is killed.
_AND_ACKNOWLEDGE = '"$@" && umask 077 && : >"$0"'


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
                            if not await self._is_run(session):
                                continue
                            left = min(left, self._consider(session, list(waiting), tasks))
                await wait(changed, left)

    async def _is_run(self, session: AgentSession) -> bool:
        """Return whether what is queued now would be read: a background server may have died.

        Its terminals stay and wait for another one.
        """
        presence = self._service.presence
        if not presence.runner_gone(session.id):
            return True
        if pid := await anyio.to_thread.run_sync(codex_daemon, session.pid):
            presence.runs_in(session.id, pid)
            return True
        presence.take_back(session.id)
        return False

    def _consider(
        self,
        session: AgentSession,
        waiting: list[tuple[str, str]],
        tasks: anyio.abc.TaskGroup,
    ) -> float:
        """Wake the session when it is time; return the seconds until it may be."""
        wanted = meant_for(self._service, session)
        patience = self._patience.setdefault(session.id, Patience())
        anything = any(wanted(bot, user) for bot, user in waiting)
        if not patience.over(session, anything):
            return patience.left(LOOK_EVERY)
        if session.id in self._busy or self._service.presence.wake_unread(session.id):
            return LOOK_EVERY  # the end of that is a change
        pause = self._not_before.get(session.id, 0.0) - anyio.current_time()
        if pause > 0:
            return pause
        self._busy.add(session.id)
        tasks.start_soon(self._wake, session)
        return LOOK_EVERY

    async def _wake(self, session: AgentSession) -> None:
        try:
            tried = await self._give(session)
        finally:
            self._busy.discard(session.id)
        if tried:
            self._service.changes.notify()

    async def _give(self, session: AgentSession) -> bool:
        """Give what waits; return whether there was anything that could be given now."""
        service, speech = self._service, SPEECHES[AGENT]
        reader = f"{AGENT}:{session.id}"
        wanted = meant_for(service, session)
        handover = await service.claims.envelope(
            reader, speech.limit, speech.size, wanted, session.id, wakes=True
        )
        if handover is None:
            return False
        given = False
        # Once begun it is brought to its end: whoever leads next could not know how it ended.
        with anyio.CancelScope(shield=True):
            try:
                # Looked at once more at the last moment: what is queued for a conversation that
                # is over would wait for its resumption.
                if (now := service.presence.get(session.id)) is not None:
                    # Before it is queued: the hook of the prompt may come before the program's
                    # answer.
                    self._flow.woken(now)
                    given = await self._queue(session, handover)
            finally:
                if given:
                    self._failures.pop(session.id, None)
                    await service.claims.acknowledge(handover.claim_id)
                else:
                    failures = self._failures.get(session.id, 0)
                    pause = AFTER_FAILURE[min(failures, len(AFTER_FAILURE) - 1)]
                    self._failures[session.id] = failures + 1
                    self._not_before[session.id] = anyio.current_time() + pause
                    await service.claims.release(handover.claim_id)
        if given:
            logger.info("claim %.8s: wakes %s session %s", handover.claim_id, AGENT, session.id)
        return True

    async def _queue(self, session: AgentSession, handover: Handover) -> bool:
        command = queue_command(session.pid, session.id, handover.text)
        if command is None:
            logger.warning("codex session %s: its program is not to be found", session.id)
            return False
        arguments, environment = command
        left = self._service.claims.ack_file(handover.claim_id)
        with tempfile.TemporaryFile() as said:
            try:
                # In a session of its own: what ends this process must not end it.
                process = await anyio.open_process(
                    ["/bin/sh", "-c", _AND_ACKNOWLEDGE, str(left), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                logger.warning("codex session %s could not be woken: %r", session.id, error)
                return False
            code = await self._end_of(process, handover.claim_id)
            if code == 0:
                left.unlink(missing_ok=True)
                return True
            said.seek(0)
            logger.warning(
                "codex session %s could not be woken (exit code %s): %s",
                session.id, code, said.read(200).decode(errors="replace").strip(),
            )  # fmt: skip
        return False

    async def _end_of(self, process: anyio.abc.Process, claim_id: str) -> int | None:
        """Return the exit code, keeping the claim meanwhile; `None` when it took too long."""
        end = anyio.current_time() + ANSWER_SECONDS
        while anyio.current_time() < end:
            with anyio.move_on_after(LEASE_MS / 2000):
                return await process.wait()
            await self._service.store.inbox.renew(claim_id, LEASE_MS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        return None
