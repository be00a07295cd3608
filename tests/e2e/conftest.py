"""The whole product: the sandbox's phone, a WeiLink server, the real agents."""

from __future__ import annotations

from tests.agents.conftest import claude, claude_program, codex, codex_program, model
from tests.support.fixtures import phone, server

__all__ = ["claude", "claude_program", "codex", "codex_program", "model", "phone", "server"]
