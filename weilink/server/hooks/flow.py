"""What the hooks of one session must know of each other: they run side by side and in any order."""

from __future__ import annotations

import time

from weilink.server.hooks.given import AFTER_TOOL, HookCall
from weilink.store.agentsessions import AgentSession, AgentState

SIDE_BY_SIDE = 1.0
"""Seconds within which all hooks of one event have asked."""


class Flow:
    """The hooks of all sessions, as far as one has to be told of another."""

    def __init__(self) -> None:
        self._went_on: dict[str, float] = {}
        self._woken: dict[str, float] = {}
        self._ahead: set[str] = set()

    def went_on(self, session: str) -> None:
        """The session was given something at the end of its turn, so it goes on."""
        self._went_on[session] = time.monotonic()

    def just_went_on(self, session: str, within: float = SIDE_BY_SIDE) -> bool:
        """Return whether the turn that just ended did not end."""
        return _since(self._went_on, session) < within

    def just_woken(self, session: str, within: float) -> bool:
        """Return whether the session was given something to begin a turn with."""
        return _since(self._woken, session) < within

    def woken(self, session: AgentSession) -> None:
        """The session was given something to begin a turn with.

        Claude Code at work reads it with its next request to the model: what its hooks were given
        meanwhile would overtake it.
        """
        self._woken[session.id] = time.monotonic()
        if session.agent == "claude" and session.state is AgentState.WORKING:
            self._ahead.add(session.id)

    def overtakes(self, call: HookCall) -> bool:
        """Return whether text given to this hook would be read before what came earlier."""
        ahead = call.session in self._ahead
        self._ahead.discard(call.session)
        return ahead and (call.event == "Stop" or call.event in AFTER_TOOL)

    def over(self, session: str) -> None:
        """The session has ended."""
        self._ahead.discard(session)
        self._went_on.pop(session, None)
        self._woken.pop(session, None)


def _since(times: dict[str, float], session: str) -> float:
    return time.monotonic() - times.get(session, float("-inf"))
