"""Fixtures: the real agents, each in a home of its own, and the model they talk to.

With ``WEILINK_TESTS_OLD=1`` in the environment they are the older pinned versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents import programs
from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.hooks import Hook
from tests.agents.model import Model


@pytest.fixture(scope="session")
def claude_program() -> Path:
    """The path of the pinned Claude Code."""
    return programs.fetch(programs.CLAUDE_OLD if programs.OLD else programs.CLAUDE)


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


@pytest.fixture(scope="session")
def codex_program() -> Path:
    """The path of the pinned Codex."""
    return programs.fetch(programs.CODEX_OLD if programs.OLD else programs.CODEX)


@pytest.fixture
def codex(codex_program: Path, tmp_path: Path, model: Model) -> Iterator[Codex]:
    """Codex with an empty home."""
    agent = Codex(codex_program, tmp_path / "codex", model)
    try:
        yield agent
    finally:
        agent.close()


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    """A hook that the test answers while the agent waits for it."""
    with Hook(tmp_path) as served:
        yield served
