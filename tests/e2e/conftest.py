"""The whole product: the sandbox's phone, a WeiLink server, the real agents."""

from __future__ import annotations

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.conftest import claude, claude_program, codex, codex_program, model
from tests.support.fixtures import phone, server

__all__ = ["claude", "claude_program", "codex", "codex_program", "model", "phone", "server"]


@pytest.fixture(params=["claude", "codex"])
def agent(request: pytest.FixtureRequest) -> Claude | Codex:
    """Each of the agents in turn."""
    found: Claude | Codex = request.getfixturevalue(request.param)
    return found
