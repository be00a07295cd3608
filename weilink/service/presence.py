"""Which agent sessions are there: what their hooks tell, and whether their processes live.

The leader hears of everything and keeps it in memory, so that no prompt waits for the disk; what
changed is written behind it, for the other processes and for the next leader.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from weilink.service.changes import Changes
from weilink.service.processes import alive, started, stopped
from weilink.store import Store
from weilink.store.agentsessions import AgentSession, AgentState, Binding
from weilink.store.clock import now_ms

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks whether the agents are still there."""
SEEN_EVERY_MS = 60_000
"""How exact `seen_at` is: no write for each call of a tool."""
UNREAD_SECONDS = 60.0
"""What was to wake a session is not in its queue any more when the session was idle for so long
since: its user took it out, or the agent lost it. Codex alone looks every ten seconds."""

BEGIN_SECONDS = 3.0
"""An idle session begins at once with what is in its queue. When it did not within this time, and
it was put there under an earlier leader, it has begun while nobody led."""
WORKING_SECONDS = 20.0
"""The same for a session of which the last that is known is that it works: it may have ended its
turn while nobody led."""


@dataclass(frozen=True)
class Sign:
    """What a hook told of its session.

    Attributes:
        pid: the agent's process, 0 when it is not known.
        interactive: whether a person sits in front of the agent.
        state: what the session does from now on; `None` when that does not change.
        active: the user did something there: started it, or wrote a prompt.
        prompted: what they did was writing a prompt.
        turns_end: the hook belongs to the end of a turn.
        announces: the agent tells when it begins with a text that was to wake it.
        runner: the process that runs the conversation, where that is not the one that shows it;
            0 when it is, or is not known.
    """

    session: str
    agent: str
    cwd: str
    pid: int
    interactive: bool
    state: AgentState | None = None
    active: bool = False
    prompted: bool = False
    turns_end: bool = False
    announces: bool = False
    runner: int = 0


@dataclass
class _Wake:
    """A text in the queue of a session; `since` when it may be late (monotonic seconds).

    `inherited`: an earlier leader put it there, so we may have missed that it was read.
    """

    claim_id: str
    since: float
    inherited: bool = False


class Presence:
    """The live agent sessions. Only the leader calls more than `read` and `bindings`."""

    def __init__(self, store: Store, changes: Changes) -> None:
        self._store = store
        self._changes = changes
        self._sessions: dict[str, AgentSession] = {}
        self._bindings: dict[str, Binding] = {}
        # By session the claims that are written and that it has not shown to have read, and since
        # when (monotonic seconds).
        self._unconfirmed: dict[str, dict[str, float]] = {}
        # What waits in the queues of sessions that announce what they read from there.
        self._wakes: dict[str, _Wake] = {}
        # Those that did not announce one in time: they are not waited for again.
        self._silent: set[str] = set()
        # Process and start of what runs a conversation, where another process shows it.
        self._runners: dict[str, tuple[int, float]] = {}
        self._work: deque[Callable[[], Awaitable[object]]] = deque()
        self._more = anyio.Event()

    async def read(self) -> list[AgentSession]:
        """Return the live sessions as they are stored, for a process that does not lead."""
        stored = await self._store.agent_sessions.all()
        return [session for session in stored if alive(session.pid, session.pid_started)]

    def live(self) -> list[AgentSession]:
        """Return the live sessions."""
        return [s for s in self._sessions.values() if alive(s.pid, s.pid_started)]

    def get(self, session_id: str) -> AgentSession | None:
        """Return a live session."""
        session = self._sessions.get(session_id)
        if session is None or not alive(session.pid, session.pid_started):
            return None
        return session

    def attended(self, session_id: str) -> bool:
        """Return whether a person sits in front of a session, as far as is known."""
        session = self.get(session_id)
        return session is None or session.interactive

    @property
    def bindings(self) -> dict[str, Binding]:
        """What the user bound to what, as of the last `refresh`."""
        return self._bindings

    async def refresh(self) -> None:
        """Read the bindings again: another process may have changed them a moment ago."""
        self._bindings = await self._store.bindings.all()

    def note(self, sign: Sign) -> AgentSession | None:
        """Take in what a hook told; `None` when its agent cannot be known."""
        before = self._sessions.get(sign.session)
        since = started(sign.pid)
        if not sign.session or (before is None and not since):
            return None
        if sign.runner:
            self.runs_in(sign.session, sign.runner)
        if (wake := self._wakes.get(sign.session)) is not None:
            wake.since = time.monotonic()
        now = now_ms()
        session = before or AgentSession(
            id=sign.session,
            agent=sign.agent,
            number=self._free_number(),
            cwd=sign.cwd,
            pid=sign.pid,
            pid_started=since,
            interactive=sign.interactive,
            turns_end=False,
            announces=False,
            state=AgentState.IDLE,
            activity=0,
            prompted_at=0,
            started_at=now,
            seen_at=now,
        )
        if since and not alive(session.pid, session.pid_started):
            # The same conversation, resumed by another process.
            session = dataclasses.replace(
                session, pid=sign.pid, pid_started=since, interactive=sign.interactive
            )
        session = dataclasses.replace(
            session,
            state=sign.state or session.state,
            turns_end=session.turns_end or sign.turns_end,
            announces=session.announces or sign.announces,
            activity=self._next_activity() if sign.active else session.activity,
            prompted_at=now if sign.prompted else session.prompted_at,
        )
        self._keep(session, before)
        return session

    def _keep(self, session: AgentSession, before: AgentSession | None) -> None:
        now = now_ms()
        if session == before and 0 <= now - session.seen_at < SEEN_EVERY_MS:
            return
        session = dataclasses.replace(session, seen_at=now)
        self._sessions[session.id] = session
        if before is None:
            logger.info(
                "%s session %s is there: number %d, in %s, process %d",
                session.agent, session.id, session.number, session.cwd, session.pid,
            )  # fmt: skip
        self.later(lambda: self._store.agent_sessions.save(session))

    def moved(self, session_id: str, pid: int) -> None:
        """The session lives and dies with the process `pid`, not with the one that told of it."""
        session, since = self._sessions.get(session_id), started(pid)
        if session is not None and since:
            session = dataclasses.replace(session, pid=pid, pid_started=since)
            self._sessions[session_id] = session
            self.later(lambda: self._store.agent_sessions.save(session))

    def gone(self, session_id: str, *, read: bool) -> None:
        """The session is over. `read` tells whether it has read what was written for it."""
        session = self._sessions.pop(session_id, None)
        if read:
            self.confirm(session_id, woken=True)
        self._wakes.pop(session_id, None)
        self._silent.discard(session_id)
        self._runners.pop(session_id, None)
        if session is not None:
            logger.info("%s session %s is over", session.agent, session_id)
            self.later(lambda: self._store.agent_sessions.remove(session_id))
        self._unconfirmed.pop(session_id, None)
        if not read:
            self.later(lambda: self._forsake(session_id))

    def announces(self, session_id: str) -> bool:
        """Return whether the session tells when it begins with what was to wake it."""
        session = self._sessions.get(session_id)
        return session is not None and session.announces and session_id not in self._silent

    def waking(self, session_id: str, claim_id: str) -> None:
        """The messages of the claim are on their way into the session's own queue."""
        self._wakes[session_id] = _Wake(claim_id, time.monotonic())

    def runs_in(self, session_id: str, pid: int) -> None:
        """The conversation is run by the process `pid`, whoever shows it."""
        self._runners[session_id] = (pid, started(pid))

    def runner_gone(self, session_id: str) -> bool:
        """Return whether what ran the conversation has ended, though it is shown still."""
        runner = self._runners.get(session_id)
        return runner is not None and not alive(*runner)

    def take_back(self, session_id: str) -> None:
        """What is in the session's queue will not be read: it waits again."""
        if (wake := self._wakes.pop(session_id, None)) is not None:
            self._unconfirmed.get(session_id, {}).pop(wake.claim_id, None)
            self.later(functools.partial(self._missed, session_id, wake.claim_id))

    def wake_unread(self, session_id: str) -> bool:
        """Return whether something is in the session's queue: no more may be put there."""
        return session_id in self._wakes

    def confirm(self, session_id: str, *, older_than: float = 0.0, woken: bool = False) -> None:
        """The session goes on, so it has read what was written for it that many seconds ago.

        What is in its queue only when it was `woken` by it. What is written from now on is not
        meant, however long it takes until this is on the disk.
        """
        written = self._unconfirmed.get(session_id, {})
        wake, began = self._wakes.get(session_id), ""
        now = time.monotonic()
        read = [claim for claim, since in written.items() if now - since >= older_than]
        if wake is not None:
            read = [claim for claim in read if claim != wake.claim_id]
            if woken:
                # It may not be acknowledged yet.
                began = wake.claim_id
                read.append(began)
                del self._wakes[session_id]
        if read:
            for claim in read:
                written.pop(claim, None)
            self.later(functools.partial(self._confirm, session_id, read, began))

    async def written(self) -> None:
        """Something was acknowledged: look whose reading has to be watched now."""
        now = time.monotonic()
        for claim_id, session_id in (await self._store.inbox.unconfirmed()).items():
            self._unconfirmed.setdefault(session_id, {}).setdefault(claim_id, now)

    async def _confirm(self, session_id: str, claims: list[str], began: str) -> None:
        if count := await self._store.inbox.confirm(claims, woken=began):
            logger.info("session %s has read what it was given (%d claims)", session_id, count)

    async def _missed(self, session_id: str, claim_id: str) -> None:
        if count := await self._store.inbox.forsake(session_id, claim_id):
            logger.warning(
                "session %s did not begin with what was to wake it: %d messages wait again",
                session_id, count,
            )  # fmt: skip

    async def _forsake(self, session_id: str) -> None:
        if count := await self._store.inbox.forsake(session_id):
            logger.warning(
                "session %s ended before it showed that it had read %d messages: they wait again",
                session_id, count,
            )  # fmt: skip
            self._changes.notify()

    def later(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do this behind the answer that is under way, in order."""
        self._work.append(work)
        self._more.set()

    async def load(self) -> None:
        """Take over from the former leader."""
        self._sessions = {s.id: s for s in await self._store.agent_sessions.all()}
        await self.refresh()
        for known in (self._unconfirmed, self._wakes, self._runners):
            known.clear()
        self._silent.clear()
        now = time.monotonic()
        for claim_id, waking in (await self._store.inbox.waking()).items():
            self._wakes[waking.session] = _Wake(claim_id, now, inherited=True)
        await self.written()

    async def run(self) -> None:
        """Write what changed, and look after the agents, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look)
            while True:
                await self._more.wait()
                self._more = anyio.Event()
                while self._work:
                    await self._work.popleft()()
                # Who waits for messages may be the right one by now.
                self._changes.notify()

    async def _look(self) -> None:
        while True:
            for session in list(self._sessions.values()):
                if not alive(session.pid, session.pid_started):
                    self.gone(session.id, read=False)
            for session_id in self._unconfirmed.keys() - self._sessions.keys():
                self.gone(session_id, read=False)
            await self._look_at_wakes()
            if count := await self._store.inbox.expire():
                logger.warning("%d claims were not acknowledged in time: released", count)
                self._changes.notify()
            await anyio.sleep(LOOK_EVERY)

    async def _look_at_wakes(self) -> None:
        known = list(self._wakes.items())
        on_the_way = await self._store.inbox.waking() if known else {}
        for session_id, wake in known:
            session, waking = self._sessions.get(session_id), on_the_way.get(wake.claim_id)
            if self._wakes.get(session_id) is not wake:
                continue  # read meanwhile
            if session is None or waking is None:
                # Its hook never wrote it.
                del self._wakes[session_id]
                self._changes.notify()
                continue
            idle = session.state is AgentState.IDLE
            if stopped(session.pid) or not waking.written or not (idle or wake.inherited):
                wake.since = time.monotonic()
            late = time.monotonic() - wake.since
            if wake.inherited and late > (BEGIN_SECONDS if idle else WORKING_SECONDS):
                self.confirm(session_id, woken=True)
            elif late > UNREAD_SECONDS:
                self._silent.add(session_id)
                self.take_back(session_id)

    def _free_number(self) -> int:
        taken = {session.number for session in self._sessions.values()}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def _next_activity(self) -> int:
        return max((s.activity for s in self._sessions.values()), default=0) + 1
