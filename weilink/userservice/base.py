"""What a manager of user services is asked, and how its program is called."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weilink.errors import WeiLinkError
from weilink.i18n import t

HOST = "127.0.0.1"
"""Others cannot reach the service: its file is no place for a token."""
_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """The server to keep running: its command, and what `status` tells of it."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    base_path: Path
    port: int
    admin_port: int | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What the service's file says of the server."""
        facts = {"BasePath": str(self.base_path), "Port": str(self.port)}
        return facts | ({"AdminPort": str(self.admin_port)} if self.admin_port else {})


@dataclass(frozen=True)
class State:
    """Whether the service runs, by which process, and in the manager's own words.

    `ended`: its process ended by itself, and the manager is about to start another.
    """

    running: bool
    pid: int | None
    words: str
    ended: bool = False


class Manager(Protocol):
    """The program of the system that starts services."""

    @property
    def file(self) -> Path:
        """The file that describes the service to the manager."""

    def content(self, server: Server) -> bytes:
        """Return what stands in `file`."""

    def facts(self, content: bytes) -> dict[str, str]:
        """Return `Server.facts` of a file; empty when WeiLink did not write it."""

    def check(self) -> None:
        """Do nothing when the manager runs.

        Raises:
            WeiLinkError: it does not, or does not answer.
        """

    def start(self) -> None:
        """Let the manager read `file` and start the service anew, now and with every session.

        Raises:
            WeiLinkError: it refused.
        """

    def stop(self) -> None:
        """Stop the service for good, as far as the manager knows it; `file` is removed then."""

    def forget(self) -> None:
        """Let the manager see that `file` is gone."""

    def state(self) -> State:
        """Return whether the service runs."""

    def log(self) -> str:
        """Return the last lines that the service wrote, as far as the manager has them."""

    def log_command(self) -> str:
        """Return the command that shows what the service writes."""

    def hints(self) -> list[str]:
        """Return what the user may want to know after the installation."""


def call(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the system and return what it said.

    Raises:
        WeiLinkError: it is not there, or does not end.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise WeiLinkError(
            t("This computer has no '{program}'; keep 'weilink mcp -t http' running by whatever "
              "starts programs here", program=command[0])
        ) from None  # fmt: skip
    except subprocess.TimeoutExpired:
        raise WeiLinkError(
            t("'{command}' did not answer within a minute; try again", command=" ".join(command))
        ) from None


def demand(*command: str) -> None:
    """Run a program of the system.

    Raises:
        WeiLinkError: it failed; in its own words.
    """
    done = call(*command)
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise WeiLinkError(t("'{command}' failed: {said}", command=" ".join(command), said=said))
