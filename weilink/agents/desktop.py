"""Programs that get the MCP server and nothing else: Claude Desktop, Cursor, VS Code.

They have no hooks, so their users fetch messages by asking for them. Where their files are is
documented by their makers; the programs themselves are not run by our tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weilink.agents import places, programs, templates
from weilink.agents.base import Program, Request, Scope
from weilink.agents.wanted import Entry, Wanted
from weilink.errors import UsageError
from weilink.i18n import t

_SERVER = "weilink"
_SERVER_MARKS = ("weilink", "http://127.0.0.1:8000/", "http://localhost:8000/")
# The keys of the server's entry that are ours; approvals and the like are the user's.
_SERVER_KEYS = ("type", "command", "args", "env", "url")


class _Desktop:
    """What the three have in common."""

    name: str
    title: str
    scopes: tuple[Scope, ...] = ("user",)
    hooks: tuple[str, ...] = ()
    more_hooks: tuple[str, ...] = ()
    # The key of the file under which the servers are, and the format of the file.
    servers = "mcpServers"
    format_ = "json"

    def __init__(self, system: str | None = None) -> None:
        self._system = system

    def file(self, request_scope: Scope, folder: Path) -> Path:
        """Return the file with the MCP servers."""
        raise NotImplementedError

    def find(self) -> Program | None:
        """Return the installed program, or `None`."""
        raise NotImplementedError

    def wanted(self, request: Request, program: Program | None) -> list[Wanted]:
        """Return all that the program needs (see `Agent`)."""
        entry: dict[str, Any] = templates.filled(
            f"{self.name}/mcp.json",
            python=request.python,
            arguments=list(request.arguments),
            environment=dict(request.environment),
        ).get(request.transport)
        if entry is None:
            raise UsageError(
                t("{agent} starts its MCP servers itself; use --transport stdio", agent=self.title)
            )
        if not entry.get("env", True):
            del entry["env"]
        server = Entry(
            file=self.file(request.scope, request.folder),
            path=(self.servers, _SERVER),
            value=entry,
            reason=t("MCP server: the tools to read, answer and search WeChat messages"),
            marks=_SERVER_MARKS,
            owned=_SERVER_KEYS,
            format=self.format_,
        )
        return [server]

    def place(self, scope: Scope, folder: Path) -> Path:
        """Return the folder that tells installations of the same scope apart."""
        return self.file(scope, folder).parent

    def next_steps(self, request: Request) -> list[str]:
        """Return what the user does after the installation."""
        return [
            t("Quit {agent} and start it again.", agent=self.title),
            t("Write to the bot in WeChat; ask the agent to call the recv tool."),
        ]

    def _found(self, command: str, application: str, folder: Path) -> Program | None:
        if command and (program := programs.find((command,))):
            return program
        for path in (*places.application(application, self._system), folder):
            if path.is_dir():
                return Program(path, "")
        return None


class ClaudeDesktop(_Desktop):
    """Claude Desktop."""

    name = "claude-desktop"
    title = "Claude Desktop"

    def file(self, request_scope: Scope, folder: Path) -> Path:
        """Return the file with the MCP servers."""
        return places.settings_folder(self._system) / "Claude" / "claude_desktop_config.json"

    def find(self) -> Program | None:
        """Return the installed program, or `None`."""
        # Its settings folder tells, because it puts no command on PATH.
        return self._found("", "Claude", self.file("user", Path()).parent)


class Cursor(_Desktop):
    """Cursor."""

    name = "cursor"
    title = "Cursor"
    scopes = ("user", "project")
    # It takes plain JSON; comments that users put there are kept all the same.
    format_ = "jsonc"

    def file(self, request_scope: Scope, folder: Path) -> Path:
        """Return the file with the MCP servers."""
        return (folder if request_scope == "project" else Path.home()) / ".cursor" / "mcp.json"

    def find(self) -> Program | None:
        """Return the installed program, or `None`."""
        return self._found("cursor", "Cursor", Path.home() / ".cursor")


class VSCode(_Desktop):
    """Visual Studio Code."""

    name = "vscode"
    title = "VS Code"
    scopes = ("user", "project")
    servers = "servers"
    format_ = "jsonc"

    def file(self, request_scope: Scope, folder: Path) -> Path:
        """Return the file with the MCP servers."""
        if request_scope == "project":
            return folder / ".vscode" / "mcp.json"
        return places.settings_folder(self._system) / "Code" / "User" / "mcp.json"

    def find(self) -> Program | None:
        """Return the installed program, or `None`."""
        return self._found("code", "Visual Studio Code", self.file("user", Path()).parent)
