"""What the hooks of one session must know of each other: they run side by side and in any order."""

from __future__ import annotations

import time

from weilink.server.hooks.given import MARK, HookCall
from weilink.store.agentsessions import AgentSession, AgentState

SIDE_BY_SIDE = 1.0
"""Seconds within which all hooks of one event have asked."""


class Flow:
    """The hooks of all sessions, as far as one has to be told of another."""

    def __init__(self) -> None:
        self._went_on: dict[str, float] = {}
        self._woken: dict[str, float] = {}
        self._ahead: dict[str, list[str]] = {}

    def went_on(self, session: str) -> None:
        """The session was given something at the end of its turn, so it goes on."""
        self._went_on[session] = time.monotonic()

    def just_went_on(self, session: str, within: float = SIDE_BY_SIDE) -> bool:
        """Return whether the turn that just ended did not end."""
        return _since(self._went_on, session) < within

    def just_woken(self, session: str, within: float) -> bool:
        """Return whether the session was given something to begin a turn with."""
        return _since(self._woken, session) < within

    def woken(self, session: AgentSession, text: str) -> None:
        """The session was given `text` to begin a turn with.

        Codex reads it as its next prompt, Claude Code with its next request to the model: what
        their hooks were given meanwhile would overtake it. Idle Claude Code begins at once.
        """
        self._woken[session.id] = time.monotonic()
        if session.agent == "codex":
            # Only its hook on prompts tells when it begins.
            if session.prompted_at:
                self._ahead.setdefault(session.id, []).append(text.strip())
        elif session.state is AgentState.WORKING:
            self._ahead[session.id] = [text]

    def not_woken(self, session: str, text: str) -> None:
        """It was not given that text after all."""
        if (said := text.strip()) in (ahead := self._ahead.get(session, [])):
            ahead.remove(said)

    def overtakes(self, call: HookCall) -> bool:
        """Return whether text given to this hook would be read before what came earlier."""
        ahead = self._ahead.get(call.session)
        if not ahead:
            return False
        if call.agent == "codex":
            said = call.text("prompt").strip() if call.event == "UserPromptSubmit" else ""
            if said.startswith(MARK):
                # The last of its kind: what was taken back is queued again.
                last = len(ahead) - ahead[::-1].index(said) if said in ahead else 1
                del ahead[:last]
        else:
            ahead.clear()
            return call.event in ("PostToolUse", "Stop")
        return bool(ahead)

    def forget(self, session: str) -> None:
        """Nothing that the session was given waits to be read."""
        self._ahead.pop(session, None)

    def over(self, session: str) -> None:
        """The session has ended."""
        self._ahead.pop(session, None)
        self._went_on.pop(session, None)
        self._woken.pop(session, None)


def _since(times: dict[str, float], session: str) -> float:
    return time.monotonic() - times.get(session, float("-inf"))
