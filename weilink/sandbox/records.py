"""What the control API tells: the same classes on both of its sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Author = Literal["user", "bot"]


@dataclass(frozen=True)
class Credentials:
    """What a confirmed login gives to the client."""

    bot_id: str
    base_url: str
    token: str = field(repr=False)
    user_id: str


@dataclass(frozen=True)
class ChatMessage:
    """One message of a chat, in either direction.

    `n` counts all messages of the sandbox in the order they came. `kind` is text, image, voice,
    file, video, tool_call, tool_result or unknown, that of the first item. `handed_over` counts
    the answers of getupdates that held the message; `acknowledged` says that a later cursor has
    come back.
    """

    n: int
    message_id: str
    author: Author
    user_id: str
    bot_id: str
    kind: str
    text: str
    file_name: str
    client_id: str
    context_token: str = field(repr=False)
    run_id: str
    group_id: str
    quoted_id: str
    create_time_ms: int
    handed_over: int
    acknowledged: bool
    items: list[dict[str, Any]] = field(repr=False)


@dataclass(frozen=True)
class LoginState:
    """A QR code that a client has asked for. `pair_code` is what the phone shows, if anything."""

    qrcode: str
    url: str
    status: str
    user_id: str
    pair_code: str
    expires_ms: int
    polls: int


@dataclass(frozen=True)
class BotState:
    """A bot session. `polling` and `most_pollers` count getupdates held at the same time."""

    bot_id: str
    user_id: str
    live: bool
    online: bool
    polling: int
    most_pollers: int
    polls: int
    waiting: int


@dataclass(frozen=True)
class Conversation:
    """A user and a bot. `replies_left` and `window_ends_ms` are of the newest live token."""

    user_id: str
    bot_id: str
    typing: bool
    typing_events: list[int]
    tokens: int
    live_tokens: int
    replies_left: int
    window_ends_ms: int


@dataclass(frozen=True)
class State:
    """The sandbox at a moment; `version` grows with each change."""

    version: int
    base_url: str
    cdn_base_url: str
    now_ms: int
    users: list[str]
    bots: list[BotState]
    logins: list[LoginState]
    conversations: list[Conversation]
    messages: int
    violations: int
    options: dict[str, Any]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> State:
        """Build it from the control API's JSON."""
        return cls(
            **{
                **data,
                "bots": [BotState(**bot) for bot in data["bots"]],
                "logins": [LoginState(**login) for login in data["logins"]],
                "conversations": [Conversation(**one) for one in data["conversations"]],
            }
        )


@dataclass(frozen=True)
class Exchange:
    """One request to the iLink or CDN side. Secrets in `query` and `body` are cut."""

    n: int
    at_ms: int
    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int | None
    answer: Any
    fault: str
    seconds: float


@dataclass(frozen=True)
class Note:
    """A protocol violation, or a message that was refused: where, and why."""

    at_ms: int
    path: str
    what: str
