"""A server, and agents that are only processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.routing.agent import Agent
from tests.support.fixtures import phone, server
from tests.support.server import Server

__all__ = ["phone", "server"]

Start = Callable[..., Agent]


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
