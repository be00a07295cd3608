"""What the store hands out. Times are milliseconds since 1970, ids of messages are text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Direction(str, Enum):
    """Which way a message went, seen from this computer."""

    RECEIVED = "received"
    SENT = "sent"


class Delivery(str, Enum):
    """Where a received message stands on its way to an agent."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    HELD = "held"
    """From somebody who may not put text in front of an agent."""
    COMMAND = "command"
    """From the owner to WeiLink itself: answered in the chat, never shown to an agent."""
    NONE = "none"
    """Not for agents: a message that was sent, a command that was answered, or somebody's answer
    to an approval that was not theirs."""


class PartState(str, Enum):
    """Where one part of a send stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class Quote:
    """What a message quotes. `text` is "" when this computer never saw the quoted message.

    `part` is the piece that was selected on the phone, "" when the whole message is quoted.
    """

    message_id: str = ""
    user_id: str = ""
    direction: Direction | None = None
    msg_type: str = ""
    text: str = ""
    part: str = ""

    def to_json(self) -> str:
        """Return it as the store keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Quote:
        """Return what `to_json` was made of."""
        values = json.loads(text)
        direction = values.pop("direction")
        return cls(**values, direction=Direction(direction) if direction else None)


@dataclass(frozen=True)
class QuotedPart:
    """Which part of a message was selected to be quoted.

    From an occurrence of `start` to one of `end`, both included; `first` and `last` say which
    ones, counted from 0. `md5` is that of the part, "" when it is not known.
    """

    start: str
    end: str
    first: int
    last: int
    md5: str


@dataclass(frozen=True)
class NewMessage:
    """A message to be stored.

    Attributes:
        quote: what it quotes, as far as the message itself tells.
        quoted_part: which part of that, if it was not the whole.
    """

    message_id: str
    user_id: str
    msg_type: str
    text: str
    timestamp: int
    context_token: str
    delivery: Delivery
    raw: dict[str, Any]
    group_id: str = ""
    quote: Quote | None = None
    quoted_part: QuotedPart | None = None


@dataclass(frozen=True)
class StoredMessage:
    """A message as it is stored. `row` grows in the order of arrival.

    `group_id` is that of the group chat it was written in, "" for an ordinary one.
    """

    row: int
    bot_id: str
    message_id: str
    user_id: str
    direction: Direction
    msg_type: str
    text: str
    timestamp: int
    delivery: Delivery
    raw: dict[str, Any]
    group_id: str = ""
    quote: Quote | None = None


@dataclass(frozen=True)
class Claim:
    """Messages that one reader holds until it acknowledges or the lease is over."""

    id: str
    messages: tuple[StoredMessage, ...]
    waiting: int
    """Messages that stay pending behind these."""


@dataclass(frozen=True)
class ReplyWindow:
    """The newest context token of a user, and how much of it is used. `token` is a secret."""

    bot_id: str
    user_id: str
    token: str
    received_at: int
    replies_used: int
    dead: bool
    typed: int
    """Calls that showed or ended typing on this token: some say that they are counted too."""
    reserve_token: str = field(default="", repr=False)
    """The token before this one, "" when there is none. When it came, how much of it is used:"""
    reserve_at: int = 0
    reserve_used: int = 0


@dataclass(frozen=True)
class Upload:
    """The file of a part: its ciphertext waits in the spool folder under the `client_id`.

    `size` and `md5` are those of the plain file, `key` is a secret.
    """

    media_type: int
    size: int
    md5: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class NewPart:
    """A part to be sent. `text` is what the history shows of it."""

    client_id: str
    item: dict[str, Any]
    text: str
    msg_type: str = "TEXT"
    upload: Upload | None = None
    run_id: str = ""


@dataclass(frozen=True)
class Part:
    """One part of a send in the outbox.

    Attributes:
        upload: the file that must be on the media service before the item can go out.
        uploaded_at: when that was done (ms), 0 when it is still to do; `item` is whole then.
        refusals: context tokens that refused it.
        errors: other refusals of the service.
        expires_at: when it is given up if it was not sent by then (ms).
    """

    row: int
    client_id: str
    bot_id: str
    user_id: str
    item: dict[str, Any]
    text: str
    state: PartState
    reason: str
    attempts: int
    created_at: int
    msg_type: str
    upload: Upload | None
    uploaded_at: int
    run_id: str
    refusals: int
    errors: int
    expires_at: int


@dataclass(frozen=True)
class BotState:
    """What the leader knows of a bot: its cursor, and whether polling works."""

    bot_id: str
    cursor: str
    problem: str
    """"" while polling works, else one sentence for the user."""
    updated_at: int
