"""What a hook script sends: the agent's own input for the hook, and who ran it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weilink.service.presence import Sign
from weilink.store.agentsessions import AgentState

MARK = "[WeiLink] "
"""How every text of ours begins: a prompt that begins so was not typed by the user."""
# Around what a background hook of Claude Code said (measured with 2.1.330).
_NOTICE = "<task-notification>"
# A tool has run. Claude Code tells of one that failed by another name (measured with 2.1.330).
AFTER_TOOL = frozenset({"PostToolUse", "PostToolUseFailure"})
# The end of a conversation whose agent goes on with another one.
_STAYS = frozenset({"clear", "resume"})


@dataclass(frozen=True)
class HookCall:
    """One run of a hook script.

    Attributes:
        purpose: what the hook was installed for: "", "wake", "approve" or "notify".
        again: it asked an earlier leader before and waits on.
        seconds: how long the script waits for the answer.
    """

    agent: str
    purpose: str
    event: str
    session: str
    cwd: str
    pid: int
    entry: str
    again: bool
    seconds: float
    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return a text of the agent's input, "" when it is not there."""
        value = self.given.get(name)
        return value if isinstance(value, str) else ""

    @property
    def reader(self) -> str:
        """The name of the reader in claims and in the log."""
        return f"{self.agent}:{self.session}"

    @property
    def in_subagent(self) -> bool:
        """Whether it happened inside a helper of the agent, whose context is not the session's."""
        return bool(self.text("agent_id"))

    @property
    def interactive(self) -> bool:
        """Whether a person sits in front of the agent."""
        # `claude -p` says "sdk-cli", programs that run Claude Code "sdk-ts" and the like.
        return not self.entry.startswith("sdk")

    @property
    def typed(self) -> bool:
        """Whether the user acts here now: starts the session, or writes a prompt."""
        if self.event == "SessionStart":
            return self.text("source") not in ("compact", "fork")
        prompt = self.text("prompt").lstrip()
        return self.event == "UserPromptSubmit" and not prompt.startswith((_NOTICE, MARK))

    @property
    def woken(self) -> bool:
        """Whether the agent begins here with what was to wake it."""
        prompt = self.text("prompt").lstrip()
        return (
            self.event == "UserPromptSubmit"
            and prompt.startswith((_NOTICE, MARK))
            and MARK in prompt
        )

    @property
    def announces(self) -> bool:
        """Whether this shows that the agent tells its hook when it begins with such a text."""
        # Claude Code 2.1.229 does not when it is at work, so it has to be seen once.
        return self.woken or (self.agent == "codex" and self.event == "UserPromptSubmit")

    @property
    def stays(self) -> bool:
        """Whether the agent goes on although this conversation ends."""
        return self.text("reason") in _STAYS

    def sign(self) -> Sign:
        """Return what this tells of the session."""
        state = None
        if self.event == "UserPromptSubmit" or self.event in AFTER_TOOL:
            state = AgentState.WORKING
        elif self.event == "Stop" and not self.again:
            state = AgentState.IDLE
        acts = self.typed and self.purpose == ""
        return Sign(
            session=self.session,
            agent=self.agent,
            cwd=self.cwd,
            pid=self.pid,
            interactive=self.interactive,
            state=state,
            active=acts,
            prompted=acts and self.event == "UserPromptSubmit",
            turns_end=self.event == "Stop" or self.purpose == "wake",
            announces=self.announces,
        )


def read_call(agent: str, purpose: str, headers: Mapping[str, str], body: bytes) -> HookCall | None:
    """Return the call, `None` when the body is not the input of a hook."""
    try:
        given = json.loads(body)
        event = given["hook_event_name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(given, dict) or not isinstance(event, str):
        return None
    pid, _, entry = headers.get("x-weilink-agent", "").partition(" ")
    call = HookCall(
        agent=agent,
        purpose=purpose,
        event=event,
        session="",
        cwd="",
        pid=int(pid) if pid.isascii() and pid.isdigit() and len(pid) < 10 else 0,
        entry=entry,
        seconds=_seconds(headers.get("x-weilink-seconds", "")),
        again=headers.get("x-weilink-again") == "1",
        given=given,
    )
    cwd = os.path.realpath(call.text("cwd")) if call.text("cwd") else ""
    return dataclasses.replace(call, session=call.text("session_id"), cwd=cwd)


def _seconds(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 86_400.0)
    except ValueError:
        return 0.0
