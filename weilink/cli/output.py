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


class PolledBot(Output):
    """A bot that is logged in."""

    name: str
    bot_id: str
    problem: str = Field(description="why it is not connected, and the cure; else empty")
    polled: bool = Field(description="whether a server fetches its messages now")


class ReplyWindow(Output):
    """Somebody who wrote, and how many replies they can be sent now."""

    user_id: str
    bot_id: str
    replies_left: int


class Session(Output):
    """An agent session that is open."""

    number: int = Field(description="for `/use N` and `weilink bind --agent-session N`")
    agent: str
    id: str
    cwd: str
    pid: int
    state: Literal["idle", "working"]
    attended: bool = Field(description="a person sits in front of it, unlike `claude -p`")
    prompted_at: int = Field(description="the last prompt that was typed; 0 for none")
    started_at: int
    gets: list[str] = Field(description="users and bots that are bound to it")
    gets_the_rest: bool = Field(description="it gets what is not bound")


class WokenSession(Session):
    """An agent session that is open."""

    woken_by: Literal["hook", "queue", ""] = Field(
        description="a hook of it waits at the server; `codex queue`; or it cannot be woken now"
    )


class Bound(Output):
    """What a user or bot is bound to."""

    contact: str
    kind: Literal["session", "cwd", "agent"]
    value: str
    live: bool = Field(description="such a session is open")


class Sessions(Output):
    """The agent sessions that are open, and what is bound to them."""

    agents: list[Session]
    bindings: list[Bound]


class Handing(Output):
    """Messages that a reader has, and has not read as far as we know."""

    claim: str
    reader: str = Field(description="`<agent>:<session>`, `mcp:<process>` or `shell`")
    messages: int
    lease_left_ms: int | None = Field(
        description="how long it still may take to write them out; null: they are written"
    )
    queued: bool = Field(description="they are in the agent's own queue, or on their way there")


class InstalledHooks(Output):
    """What setup put into an agent."""

    agent: str
    scope: Literal["user", "project", "local"]
    folder: str = Field(description="the project; for `user` the agent's own folder")
    hooks: list[str]


class Unsent(Output):
    """A part that was not sent."""

    user_id: str
    state: str
    reason: str
    text: str = Field(description="its first 60 characters")
    given_up_at: int


class Status(Output):
    """How everything stands."""

    base_path: str
    server_running: bool = Field(description="some server leads: it holds the leader lock")
    server_answers: bool
    server_pid: int | None
    bots: list[PolledBot]
    reply_windows: list[ReplyWindow]
    messages: dict[str, int] = Field(
        description="received ones: `pending`, `claimed`, `delivered`, `held` (of people who may "
        "not write to your agents)"
    )
    claims: dict[str, int] = Field(
        description="`open`, `written`, `acknowledged`, `released`; docs/delivery.md"
    )
    handovers: list[Handing]
    agents: list[WokenSession]
    hooks: list[InstalledHooks] = Field(description="as setup noted; `weilink doctor` looks")
    outbox: dict[str, int] = Field(description="parts by state")
    unsent: list[Unsent] = Field(description="the newest")


class Looked(Output):
    """One thing that was looked at."""

    check: str = Field(description="a stable name")
    level: Literal["ok", "note", "warning", "error"]
    what: str = Field(description="what was found")
    why: str = Field(description="why it matters; empty when all is well")
    cure: str = Field(description="the command that mends it, or what to do; else empty")


class Looks(Output):
    """Everything that could be wrong."""

    findings: list[Looked]


OUTPUTS: dict[str, type[BaseModel]] = {
    "recv": RecvResult,
    "send": Sent,
    "download": DownloadResult,
    "history": HistoryResult,
    "doctor": Looks,
    "status": Status,
    "agents": Sessions,
    "access list": Access,
    "sessions": BotSessions,
    "migrate openclaw": Migrated,
    "migrate weilink": Migrated,
    "service status": UserService,
}
"""The model of each command; `setup` is described in docs/setup.md."""
