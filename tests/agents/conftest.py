"""Fixtures: the real agents, each in a home of its own, and the model they talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents import programs
from tests.agents.claude import Claude
from tests.agents.model import Model


@pytest.fixture(scope="session")
def claude_program() -> Path:
    """The path of the pinned Claude Code."""
    return programs.fetch(programs.CLAUDE)


@pytest.fixture
def model() -> Iterator[Model]:
    """A fake model; serves until the test ends."""
    with Model() as served:
        yield served


@pytest.fixture
def claude(claude_program: Path, tmp_path: Path, model: Model) -> Iterator[Claude]:
    """Claude Code with an empty home."""
    agent = Claude(claude_program, tmp_path / "claude", model)
    try:
        yield agent
    finally:
        agent.close()
