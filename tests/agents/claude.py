"""The real Claude Code against a fake model, in a home of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.agents.model import KEY, Model
from tests.agents.processes import Home, Run
from tests.agents.terminal import Terminal


class Claude:
    """One user of Claude Code: home, working folder, settings; any number of runs."""

    def __init__(self, program: Path, folder: Path, model: Model) -> None:
        self.program = program
        self.model = model
        self.home = Home(folder)
        self.work = self.home.work
        self.terminals: list[Terminal] = []
        """All that were started."""
        self.env: dict[str, str] = {}
        """Additional variables for the runs to come."""
        self.config: Path = self.home.path / ".claude.json"
        self.settings: Path = self.home.path / ".claude" / "settings.json"
        self.settings.parent.mkdir()

    def environment(self) -> dict[str, str]:
        """The whole environment of a run."""
        quiet = {
            "ANTHROPIC_BASE_URL": self.model.url,
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        }
        return self.home.environment({**quiet, **self.env})

    def run(self, *arguments: str, timeout: float = 60, cwd: Path | None = None) -> Run:
        """Run ``claude`` with these arguments to its end."""
        return self.home.run([str(self.program), *arguments], self.environment(), timeout, cwd)

    def prompt(
        self,
        text: str,
        *arguments: str,
        resume: str | None = None,
        timeout: float = 60,
        cwd: Path | None = None,
    ) -> Run:
        """Ask one thing with ``claude -p``.

        Args:
            arguments: More options, e.g. ``--continue`` or ``--allowedTools=mcp__weilink__send``.
            resume: The id of the conversation to go on with (``Request.session``).
        """
        more = [*arguments, *(["--resume", resume] if resume else [])]
        # The text stands behind --: options that take lists would swallow it.
        return self.run("-p", *more, "--", text, timeout=timeout, cwd=cwd)

    def interactive(self, *arguments: str, cwd: Path | None = None) -> Terminal:
        """Start ``claude`` in a pseudo-terminal and wait until it asks for a prompt."""
        folder = cwd or self.work
        self._know(folder)
        command = [str(self.program), *arguments]
        terminal = Terminal(command, self.environment(), folder)
        self.terminals.append(terminal)
        terminal.wait_for(lambda screen: "❯" in screen)
        return terminal

    def _know(self, folder: Path) -> None:
        """Answer beforehand what a first start would ask."""
        config = self._read(self.config)
        projects = config.get("projects", {})
        project = {**projects.get(str(folder), {}), "hasTrustDialogAccepted": True}
        self.configure(
            {
                "hasCompletedOnboarding": True,
                "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
                "projects": {**projects, str(folder): project},
            }
        )

    def hook(self, event: str, command: str, matcher: str | None = None, **options: Any) -> None:
        """Add a command hook to the user's settings.

        Args:
            options: Further keys of the hook, e.g. ``timeout=5``, ``async_=True``.
        """
        options = {key.rstrip("_"): value for key, value in options.items()}
        settings = self._read(self.settings)
        group: dict[str, Any] = {"hooks": [{"type": "command", "command": command, **options}]}
        if matcher is not None:
            group["matcher"] = matcher
        settings.setdefault("hooks", {}).setdefault(event, []).append(group)
        self.settings.write_text(json.dumps(settings, indent=2))

    def allow(self, *tools: str) -> None:
        """Let tools run without asking, e.g. ``mcp__weilink__send``, in every kind of run."""
        settings = self._read(self.settings)
        settings.setdefault("permissions", {}).setdefault("allow", []).extend(tools)
        self.settings.write_text(json.dumps(settings, indent=2))

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Set top-level keys of ``~/.claude.json``."""
        config = self._read(self.config)
        self.config.write_text(json.dumps({**config, **changes}, indent=2))

    def server(self, name: str, command: list[str], **env: str) -> None:
        """Add an MCP server over stdio to ``~/.claude.json``."""
        server = {"type": "stdio", "command": command[0], "args": command[1:], "env": env}
        config = self._read(self.config)
        self.configure({"mcpServers": {**config.get("mcpServers", {}), name: server}})

    def _read(self, file: Path) -> dict[str, Any]:
        content: dict[str, Any] = {}
        if file.exists():
            content = json.loads(file.read_text(encoding="utf-8"))
        return content

    def close(self) -> None:
        """End all that still runs."""
        for terminal in self.terminals:
            terminal.close()
        self.home.end_all()
