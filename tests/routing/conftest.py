"""A server, and agents that are only processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.routing.agent import Agent
from tests.support.server import Server
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess

Start = Callable[..., Agent]


@pytest.fixture
def phone() -> Iterator[Phone]:
    """The phone of alice, who owns the bot."""
    sandbox = SandboxProcess.start()
    try:
        yield sandbox.phone
    finally:
        sandbox.stop()


@pytest.fixture
def server(phone: Phone, tmp_path: Path) -> Iterator[Server]:
    """A server that is logged in and polls."""
    server = Server.logged_in(tmp_path / "weilink", phone)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def start(server: Server, tmp_path: Path) -> Iterator[Start]:
    """Start agents, each in a folder of its own."""
    agents: list[Agent] = []

    def start(session: str, agent: str = "claude", entry: str = "cli") -> Agent:
        folder = tmp_path / "folders" / session
        folder.mkdir(parents=True)
        agents.append(Agent(server, session, folder, agent, entry))
        return agents[-1]

    try:
        yield start
    finally:
        for agent in agents:
            agent.close()
