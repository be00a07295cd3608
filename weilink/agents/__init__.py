"""One module per coding agent: its files, what to put in them, how its hooks speak."""

from __future__ import annotations

from typing import Protocol

from weilink.agents import claude, codex
from weilink.agents.base import Agent


class Voice(Protocol):
    """How the hooks of an agent speak: a module of this package."""

    @property
    def CONTEXT_LIMIT(self) -> int:  # noqa: N802  (a constant of a module)
        """The most text that a hook can put before the model, in UTF-16 units."""

    def prompt_context(self, event: str, text: str) -> str:
        """Return what a hook for `event` prints so that `text` reaches the model."""


ALL: dict[str, Agent] = {agent.name: agent for agent in (claude.Claude(), codex.Codex())}
VOICES: dict[str, Voice] = {"claude": claude, "codex": codex}
"""The agents that have hooks, by the name that their hooks give to the server."""
