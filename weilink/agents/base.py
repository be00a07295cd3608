"""What every agent module offers, and the questions it is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, runtime_checkable

from weilink.agents.wanted import Wanted
from weilink.i18n import t

Scope = Literal["user", "project", "local"]
Transport = Literal["stdio", "http"]


@dataclass(frozen=True)
class Request:
    """What a user asked to install. `folder` is the one the command was started in."""

    scope: Scope
    transport: Transport
    hooks: tuple[str, ...]
    # Whether the chat shows tool calls as they begin.
    show_tool_calls: bool
    base_path: Path
    folder: Path
    # The shell command that runs the hook script, and texts by which older ones are known.
    hook_command: str
    hook_marks: tuple[str, ...]
    # How the command names the script: what stays when a user edits the command.
    hook_place: str
    # The interpreter, its arguments and environment for the MCP server over stdio.
    python: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """An agent found on this computer."""

    path: Path
    version: str


class AskError(Exception):
    """The program of an agent could not be asked, or did not do what it was told."""


@dataclass(frozen=True)
class ServerState:
    """What an agent says of our MCP server, when it knows it.

    Attributes:
        reached: it connected to it just now.
        said: its own words when it did not; may be empty.
        pending: it waits for the user's consent.
    """

    reached: bool
    said: str = ""
    pending: bool = False


@dataclass(frozen=True)
class HookTrust:
    """What an agent says about one hook. `key` and `digest` are its own names."""

    key: str
    digest: str
    trusted: bool
    command: str
    event: str


class TrustServer(Protocol):
    """The interface of an agent that runs only hooks which the user trusts."""

    def hooks(self) -> list[HookTrust]:
        """Return all hooks in force."""

    def trust(self, digests: Mapping[str, str]) -> None:
        """Trust the hooks with these keys, as they are now."""

    def __enter__(self) -> TrustServer: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Agent(Protocol):
    """A coding agent: where its files are, and what to put in them."""

    @property
    def name(self) -> str:
        """The name on the command line."""

    @property
    def title(self) -> str:
        """The name for people."""

    @property
    def scopes(self) -> Collection[Scope]:
        """The scopes it has, the default one first."""

    @property
    def hooks(self) -> Collection[str]:
        """The groups of hooks that can be installed, all of them by default."""

    @property
    def more_hooks(self) -> Collection[str]:
        """The groups that are installed only when asked for."""

    def find(self) -> Program | None:
        """Return the installed program, or `None`."""

    def wanted(self, request: Request, program: Program | None) -> list[Wanted]:
        """Return all that the agent needs in its files.

        Raises:
            UsageError: the agent cannot be set up in this way.
        """

    def place(self, scope: Scope, folder: Path) -> Path:
        """Return the folder that tells installations of the same scope apart."""

    def next_steps(self, request: Request) -> list[str]:
        """Return what the user does after the installation, one sentence each."""


@runtime_checkable
class TrustingAgent(Agent, Protocol):
    """An agent that runs only hooks which the user trusts."""

    def trust_server(self, program: Program, folder: Path) -> TrustServer:
        """Return the program's interface for hooks in force in `folder`.

        Raises:
            AskError: from its methods.
        """

    def trust_file(self) -> Path:
        """Return the TOML file in which it keeps trust, under `hooks.state`."""


@runtime_checkable
class AskableAgent(Agent, Protocol):
    """An agent whose program connects to MCP servers when it is asked to."""

    def ask_for_server(self, program: Program, folder: Path) -> ServerState | None:
        """Return how the program gets on with our server in `folder`; `None`: unknown to it.

        Raises:
            AskError: it does not say.
        """


def first_message(request: Request) -> str:
    """Return the step after the agent was started: a message arrives."""
    if request.hooks:
        return t("Write to the bot in WeChat; your next prompt carries the message.")
    return t("Write to the bot in WeChat; ask the agent to call the recv tool.")
