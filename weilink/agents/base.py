"""What every agent module offers, and the questions it is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Scope = Literal["user", "project", "local"]
Transport = Literal["stdio", "http"]


@dataclass(frozen=True)
class Request:
    """What a user asked to install. `folder` is the one the command was started in."""

    scope: Scope
    transport: Transport
    hooks: tuple[str, ...]
    base_path: Path
    folder: Path
    # The shell command that runs the hook script, and a text by which any version of it is known.
    hook_command: str
    hook_mark: str
    # The interpreter, its arguments and environment for the MCP server over stdio.
    python: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """An agent found on this computer."""

    path: Path
    version: str


class Changes(Protocol):
    """Takes what an agent needs in its files. `reason` is shown to the user."""

    def member(
        self,
        file: Path,
        path: tuple[str, ...],
        value: Mapping[str, Any],
        *,
        reason: str,
        marks: tuple[str, ...] = (),
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Ask for a key of an object; a present one may be replaced when it holds a mark.

        `add` and `remove` are the agent's own commands for it, to be run in `folder` with
        `environment` added; the JSON of the value takes the place of `{value}`.
        """

    def group_item(
        self,
        file: Path,
        path: tuple[str, ...],
        value: Mapping[str, Any],
        *,
        inner: str,
        own: str,
        mark: str,
        reason: str,
    ) -> None:
        """Ask for a group in a list; its items stand under `inner` and are known by `own`."""

    def whole_file(
        self, file: Path, content: bytes, *, reason: str, marks: tuple[str, ...] = ()
    ) -> None:
        """Ask for a file of our own."""


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
    def later_hooks(self) -> Collection[str]:
        """The groups that the server cannot serve yet."""

    def find(self) -> Program | None:
        """Return the installed program, or `None`."""

    def describe(self, request: Request, changes: Changes, program: Program | None) -> None:
        """Tell `changes` all that the agent needs.

        Raises:
            UsageError: the agent cannot be set up in this way.
        """

    def place(self, scope: Scope, folder: Path) -> Path:
        """Return the folder that tells installations of the same scope apart."""

    def next_steps(self, request: Request) -> list[str]:
        """Return what the user does after the installation, one sentence each."""
