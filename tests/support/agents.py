"""Real agents with the hooks that let messages in, as `weilink setup` installs them."""

from __future__ import annotations

import time
from typing import Any

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.terminal import Terminal
from tests.support.server import DEADLINE, Server

USUAL = "prompt,session,turn,wake"
"""The hooks that setup installs when nobody asks for others."""


def connect(agent: Claude | Codex, server: Server, hooks: str = USUAL, *more: str) -> None:
    """Run `weilink setup claude|codex --yes` as the user of this agent does.

    `more` are further options. What Codex has to trust is trusted by setup.
    """
    name = "codex" if isinstance(agent, Codex) else "claude"
    env = {"HOME": str(agent.home.path)}
    env["PATH"] = f"{agent.program.parent}:{server.env['PATH']}"
    done = server.weilink("setup", name, "--yes", "--hooks", hooks, *more, env=env)
    assert done.returncode == 0, done.stderr


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
