"""Real agents with the hooks that let messages in, as setup installs them."""

from __future__ import annotations

import shlex
import time
from typing import Any

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.terminal import Terminal
from tests.support.server import DEADLINE, Server, hook_command

FOR_WEEKS = 1_700_000


def command(server: Server, agent: str, *more: str) -> str:
    """Return the shell command of the installed hook."""
    return "exec " + shlex.join([*hook_command(server.base)[:-1], agent, *more])


def connect(agent: Claude | Codex, server: Server, *, approve: bool = False) -> None:
    """Install the default hooks, and the one that asks for approvals when wanted."""
    name = "codex" if isinstance(agent, Codex) else "claude"
    plain = command(server, name)
    for event in ("UserPromptSubmit", "SessionStart", "SessionEnd", "Stop"):
        agent.hook(event, plain, timeout=10)
    agent.hook("PostToolUse", plain, "*", timeout=10)
    if approve:
        agent.hook("PermissionRequest", command(server, name, "130", "approve"), "*", timeout=135)
    if isinstance(agent, Codex):
        agent.trust_hooks()
        return
    waits: dict[str, Any] = {"async_": True, "asyncRewake": True, "timeout": FOR_WEEKS}
    for event in ("SessionStart", "Stop"):
        agent.hook(event, command(server, name, "wait", "wake"), **waits)


def wait_listed(server: Server, count: int, terminal: Terminal | None = None) -> Any:
    """Wait until `weilink agents` lists so many sessions, all waiting for the user."""
    deadline = time.monotonic() + DEADLINE
    found: Any = None
    while time.monotonic() < deadline:
        found = server.json("agents")["agents"]
        if len(found) == count and all(one["state"] == "idle" for one in found):
            return found
    screen = terminal.screen if terminal else ""
    raise TimeoutError(f"{count} sessions are not there: {found}\n{screen}")
