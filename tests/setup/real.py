"""A server beside a real agent, and the shell of its user, with the agent's program on PATH."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.support.server import Server
from weilink.sandbox.phone import Phone


@contextmanager
def beside(agent: Claude | Codex, phone: Phone, base: Path) -> Iterator[Server]:
    """Run a server that polls; its commands see the home and the program of `agent`."""
    server = Server.logged_in(base, phone)
    server.env |= {"HOME": str(agent.home.path)}
    server.env["PATH"] = f"{agent.program.parent}:{server.env['PATH']}"
    try:
        yield server
    finally:
        server.close()


def doctor(server: Server, check: str) -> dict[str, str]:
    """What the doctor says of one thing."""
    findings = json.loads(server.weilink("doctor", "--json").stdout)["findings"]
    (found,) = [finding for finding in findings if finding["check"] == check]
    return dict(found)


def set_up(server: Server, agent: str, *arguments: str) -> str:
    """Run `weilink setup` for an agent and return what it printed."""
    done = server.weilink("setup", agent, "--yes", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout
