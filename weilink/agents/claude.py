"""Claude Code: its files, what to put in them, how its hooks speak.

Facts are measured with Claude Code 2.1.330 on Linux, November 2026.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from weilink.agents import hooks, programs, templates
from weilink.agents.base import AskError, Program, Request, Scope, ServerState, first_message
from weilink.agents.wanted import Commands, Entry, ListedGroup, OwnFile, Wanted
from weilink.errors import UsageError
from weilink.i18n import t

# A longer `additionalContext` is replaced by a path and a preview. The program counts UTF-16 code
# units, so a character outside the basic plane (most emoji) counts as two (docs/testing.md).
CONTEXT_LIMIT = 10_000

# An event that it does not know makes Claude Code ignore every hook of the file: 2.0.30 does not
# know PostToolUseFailure and PermissionRequest, 2.0.76 does (measured).
_NEWER = (2, 0, 76)

_SERVER = "weilink"
# Texts by which an MCP server entry of an older WeiLink is known.
_SERVER_MARKS = ("weilink", "http://127.0.0.1:8000/", "http://localhost:8000/")
_QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}


def prompt_context(event: str, text: str) -> str:
    """Return what a hook for `event` prints so that `text` reaches the model.

    The JSON is ASCII only, so that the code page of the agent's shell cannot change it.
    """
    output = {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}
    return json.dumps(output)


class Claude:
    """Claude Code."""

    name = "claude"
    title = "Claude Code"
    scopes: tuple[Scope, ...] = ("user", "project", "local")
    hooks = ("prompt", "session", "turn", "wake")
    more_hooks = ("approve", "notify")

    def find(self) -> Program | None:
        """Return the installed program, or `None`."""
        home = Path.home()
        places = ("claude", home / ".local/bin/claude", home / ".claude/local/claude")
        return programs.find(places, _QUIET)

    def wanted(self, request: Request, program: Program | None) -> list[Wanted]:
        """Return all that Claude Code needs (see `Agent`)."""
        if request.scope != "user" and request.folder == Path.home():
            raise UsageError(
                t(
                    "The current folder is your home folder, where scope '{scope}' is the same as"
                    " 'user'; change to the project's folder or use --scope user",
                    scope=request.scope,
                )
            )
        folder = request.folder / ".claude" if request.scope == "project" else config_folder()
        skill = OwnFile(
            file=folder / "skills" / "weilink" / "SKILL.md",
            content=templates.text("skill/SKILL.md").encode(),
            reason=t("the skill that tells the agent how to read and answer WeChat messages"),
            marks=("weilink",),
        )
        return [self._server(request, program), *self._hooks(request, program), skill]

    def place(self, scope: Scope, folder: Path) -> Path:
        """Return the folder that tells installations of the same scope apart."""
        return config_folder() if scope == "user" else folder

    def ask_for_server(self, program: Program, folder: Path) -> ServerState | None:
        """Let Claude Code connect to our server (see `AskableAgent`)."""
        done = programs.run(program, ["mcp", "list"], folder, _QUIET)
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise AskError(f"claude mcp list: {lines[-1] if lines else done.returncode}")
        # NAME: COMMAND OR ADDRESS - SIGN STATE
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"{_SERVER}: ")]
        if not lines:
            return None
        said = lines[0].rpartition(" - ")[2].strip()
        return ServerState("connected" in said.lower().split(), said, "pending" in said.lower())

    def next_steps(self, request: Request) -> list[str]:
        """Return what the user does after the installation."""
        start = t("Start (or restart) claude.")
        if request.scope == "project":
            start = t("Start claude in this folder, and allow the project's MCP server.")
        return [start, first_message(request)]

    def _hooks(self, request: Request, program: Program | None) -> list[ListedGroup]:
        folder = config_folder() if request.scope == "user" else request.folder / ".claude"
        file = folder / ("settings.local.json" if request.scope == "local" else "settings.json")
        groups = hooks.wanted(request, "claude/hooks.json", file, "json")
        if program is not None and programs.numbers(program) >= _NEWER:
            return groups
        if program is not None and "approve" in request.hooks:
            raise UsageError(
                t(
                    "Claude Code {version} does not know the event of the hook 'approve', and would"
                    " ignore all hooks because of it; update Claude Code, or leave 'approve' out",
                    version=program.version,
                )
            )
        # A program that cannot be asked may be an old one.
        return [group for group in groups if group.path[-1] != "PostToolUseFailure"]

    def _server(self, request: Request, program: Program | None) -> Entry:
        entry: dict[str, Any] = templates.filled(
            "claude/mcp.json",
            python=request.python,
            arguments=list(request.arguments),
            environment=dict(request.environment),
        )[request.transport]
        if not entry.get("env", True):
            del entry["env"]
        reason = t("MCP server: the tools to read, answer and search WeChat messages")
        if request.scope == "project":
            return Entry(
                file=request.folder / ".mcp.json",
                path=("mcpServers", _SERVER),
                value=entry,
                reason=reason,
                marks=_SERVER_MARKS,
            )
        local = ("projects", _project(request.folder)) if request.scope == "local" else ()
        return Entry(
            file=_state_file(),
            path=(*local, "mcpServers", _SERVER),
            value=entry,
            reason=reason,
            marks=_SERVER_MARKS,
            commands=self._commands(request, program),
        )

    def _commands(self, request: Request, program: Program | None) -> Commands | None:
        # A batch file would have to be given the JSON through a second shell.
        if program is None or program.path.suffix.lower() in (".cmd", ".bat"):
            return None
        mcp, scope = (str(program.path), "mcp"), ("-s", request.scope)
        return Commands(
            add=(*mcp, "add-json", *scope, _SERVER, "{value}"),
            remove=(*mcp, "remove", *scope, _SERVER),
            folder=request.folder,
            environment=_QUIET,
        )


def config_folder() -> Path:
    """Return the folder that Claude Code reads."""
    asked = os.environ.get("CLAUDE_CONFIG_DIR")
    return Path(asked).absolute() if asked else Path.home() / ".claude"


def _state_file() -> Path:
    """Return the file in which Claude Code keeps MCP servers of user and local scope."""
    old = config_folder() / ".config.json"
    if old.is_file() and old.stat().st_size:
        return old
    asked = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(asked).absolute() if asked else Path.home()) / ".claude.json"


def _project(folder: Path) -> str:
    """Return the name under which Claude Code knows the project of a folder."""
    real = Path(os.path.realpath(folder))
    for candidate in (real, *real.parents):
        if (candidate / ".git").exists():
            return str(candidate)
    return str(real)
