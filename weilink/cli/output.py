"""What `--json` prints: docs/json.md is made from these models.

Names and meanings stay; new fields may come.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from weilink.server.results import DownloadResult, HistoryResult, RecvResult, Sent


class Output(BaseModel):
    """An object that a command prints."""

    model_config = ConfigDict(extra="forbid")


class BotSession(Output):
    """One bot session."""

    name: str
    bot_id: str
    user_id: str = Field(description="the WeChat user who logged it in, its owner")
    default: bool = Field(description="whether it is used when none is named")
    problem: str = Field(description="why it is not connected, and the cure; else empty")


class BotSessions(Output):
    """Every bot session."""

    sessions: list[BotSession]


class Access(Output):
    """Who may put text in front of an agent."""

    policy: Literal["owner", "allowlist", "anyone"]
    owners: list[str] = Field(description="the users who logged the bots in")
    people: dict[str, bool] = Field(description="user: allowed (true) or denied (false) by name")


class MigratedSession(Output):
    """A bot session of another program."""

    name: str
    bot_id: str
    outcome: Literal["new", "known", "would"] = Field(
        description="taken over; logged in here already; would be taken over (`--dry-run`)"
    )
    windows: int = Field(description="people who can be answered through it")


class Migrated(Output):
    """What was taken over."""

    sessions: list[MigratedSession]
    messages: int = Field(description="messages of the history that were taken over")


class UserService(Output):
    """How the user's service is."""

    installed: bool
    running: bool
    pid: int | None = Field(description="its process; null when it does not run")
    state: str = Field(description="in the words of systemd or launchd")
    file: str = Field(description="the file that describes it")
    base_path: str | None = Field(description="null when it is not installed")
    url: str | None = Field(description="of the MCP server; null when it is not installed")
    admin_url: str | None = Field(description="of the admin panel; null when it has none")


OUTPUTS: dict[str, type[BaseModel]] = {
    "recv": RecvResult,
    "send": Sent,
    "download": DownloadResult,
    "history": HistoryResult,
    "access list": Access,
    "sessions": BotSessions,
    "migrate openclaw": Migrated,
    "migrate weilink": Migrated,
    "service status": UserService,
}
"""The model of each command; `setup` and `doctor` are described in docs/setup.md."""
