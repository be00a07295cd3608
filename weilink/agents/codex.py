"""Codex: its files, what to put in them, how its hooks speak.

Facts are measured with Codex 0.169.0 and 0.145.0 on Linux, November 2026.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from weilink.agents import codex_server, hooks, programs, templates
from weilink.agents.base import (
    Program,
    Request,
    Scope,
    ServerState,
    TrustServer,
    first_message,
)
from weilink.agents.wanted import Entry, OwnFile, Wanted
from weilink.errors import UsageError
from weilink.i18n import t

# Bytes of UTF-8 that arrive whole. The first is what the hooks in templates/codex/ ask for:
# additionalContextLimit, in units of four bytes, is a part of what the user trusts. It does not
# count for what makes Codex go on when it stops.
CONTEXT_LIMIT = 4 * 7_500
STOP_LIMIT = 10_000

_SERVER = "weilink"
_SERVER_MARKS = ("weilink", "http://127.0.0.1:8000/", "http://localhost:8000/")
# The keys of the server's entry that are ours; approvals and timeouts are the user's.
_SERVER_KEYS = ("command", "args", "env", "url")


def prompt_context(event: str, text: str) -> str:
    """Return what a hook for `event` prints so that `text` reaches the model."""
    output = {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}
    return json.dumps(output)


class Codex:
    """Codex."""

    name = "codex"
    title = "Codex"
    scopes: tuple[Scope, ...] = ("user", "project")
    # It is woken without a hook, by `codex queue`; the name is taken for the sake of one default.
    hooks = ("prompt", "session", "turn", "wake")
    more_hooks = ("approve", "notify")

    def find(self) -> Program | None:
        """Return the installed program, or `None`."""
        home = Path.home()
        return programs.find(
            ("codex", home / ".local/bin/codex", "/opt/homebrew/bin/codex", "/usr/local/bin/codex")
        )

    def wanted(self, request: Request, program: Program | None) -> list[Wanted]:
        """Return all that Codex needs (see `Agent`)."""
        folder = config_folder()
        if request.scope == "project":
            folder = request.folder / ".codex"
            if request.folder == Path.home():
                raise UsageError(
                    t(
                        "The current folder is your home folder, where scope '{scope}' is the same"
                        " as 'user'; change to the project's folder or use --scope user",
                        scope=request.scope,
                    )
                )
        config = folder / "config.toml"
        entry: dict[str, Any] = templates.filled(
            "codex/mcp.json",
            python=request.python,
            arguments=list(request.arguments),
            environment=dict(request.environment),
        )[request.transport]
        if not entry.get("env", True):
            del entry["env"]
        server = Entry(
            file=config,
            path=("mcp_servers", _SERVER),
            value=entry,
            reason=t("MCP server: the tools to read, answer and search WeChat messages"),
            marks=_SERVER_MARKS,
            owned=_SERVER_KEYS,
            format="toml",
        )
        skill = OwnFile(
            file=folder / "skills" / "weilink" / "SKILL.md",
            content=templates.text("skill/SKILL.md").encode(),
            reason=t("the skill that tells the agent how to read and answer WeChat messages"),
            marks=("weilink",),
        )
        file, format_ = _hooks_file(config)
        return [server, *hooks.wanted(request, "codex/hooks.json", file, format_), skill]

    def place(self, scope: Scope, folder: Path) -> Path:
        """Return the folder that tells installations of the same scope apart."""
        return folder if scope == "project" else config_folder()

    def trust_server(self, program: Program, folder: Path) -> TrustServer:
        """Return the interface through which Codex is asked for and told of trust."""
        return codex_server.AppServer(program.path, folder)

    def ask_for_server(self, program: Program, folder: Path) -> ServerState | None:
        """Let Codex connect to our server (see `AskableAgent`)."""
        with codex_server.AppServer(program.path, folder) as server:
            return server.server(_SERVER)

    def trust_file(self) -> Path:
        """Return the file in which Codex keeps what is trusted, under `hooks.state`."""
        return config_folder() / "config.toml"

    def next_steps(self, request: Request) -> list[str]:
        """Return what the user does after the installation."""
        start = t("Start (or restart) codex.")
        if request.scope == "project":
            start = t("Start codex in this folder, and trust the folder.")
        return [start, first_message(request)]


def config_folder() -> Path:
    """Return the folder that Codex reads."""
    asked = os.environ.get("CODEX_HOME")
    return Path(asked).absolute() if asked else Path.home() / ".codex"


def _hooks_file(config: Path) -> tuple[Path, str]:
    """Return the file for hooks and its format; Codex warns when both have some."""
    file = config.with_name("hooks.json")
    if not _json_hooks(file) and _toml_hooks(config):
        return config, "toml"
    return file, "json"


def _json_hooks(file: Path) -> bool:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError):
        return True  # setup refuses it, with line and column
    return not isinstance(content, dict) or bool(content.get("hooks"))


def _toml_hooks(config: Path) -> bool:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomlkit as tomllib
    try:
        content = tomllib.loads(config.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return False  # there is none, or setup refuses it
    hooks = content.get("hooks")
    return isinstance(hooks, dict) and any(isinstance(hooks[key], list) for key in hooks)
