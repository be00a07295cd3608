"""One module per coding agent: its files, what to put in them, how its hooks speak."""

from __future__ import annotations

from weilink.agents.base import Agent
from weilink.agents.claude import Claude
from weilink.agents.codex import Codex
from weilink.agents.desktop import ClaudeDesktop, Cursor, VSCode

ALL: dict[str, Agent] = {
    agent.name: agent for agent in (Claude(), Codex(), ClaudeDesktop(), Cursor(), VSCode())
}
