"""What the tools return, as models: their JSON schemas are the tools' output schemas.

Agents see the structured content alone where a result has both (Claude Code 2.1 does), so
everything that they must know is in these models, not in the text beside them.

Nothing heavy is imported here: the models stand between a client and the answer to `initialize`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class MediaOut(BaseModel):
    """A picture, voice message, file or video in a message."""

    kind: str = Field(description="IMAGE, VOICE, FILE or VIDEO")
    file_name: str = Field(default="", description="as the sender named it; files only")
    size: int = Field(default=0, description="bytes, 0 when WeChat does not say")
    seconds: float = Field(default=0, description="length of a voice message or video")


class QuoteOut(BaseModel):
    """The message that this one quotes."""

    message_id: str = Field(default="", description="`download` takes it when it is a file")
    from_user: str = Field(default="", description='"you" when it was sent from here')
    msg_type: str = Field(default="", description="empty when it is not known")
    text: str = Field(
        default="", description="empty when this computer never saw the quoted message"
    )
    part: str = Field(default="", description="the piece of it that was selected")


class MessageOut(BaseModel):
    """One message."""

    message_id: str
    from_user: str = Field(
        description="who wrote it, or to whom it was sent; pass it to `send` as `to`"
    )
    msg_type: str = Field(description="TEXT, IMAGE, VOICE, FILE, VIDEO or UNKNOWN")
    text: str
    timestamp: int = Field(description="milliseconds since 1970")
    bot_id: str
    direction: str = Field(description="received or sent")
    group_id: str = Field(default="", description="the group chat it was written in")
    media: MediaOut | None = Field(default=None, description="get the content with `download`")
    files: int = Field(default=0, description="how many; `download` takes ID#2 for the second")
    ref_msg: QuoteOut | None = Field(default=None, description="the message that it quotes")


class RecvResult(BaseModel):
    """New messages, oldest first."""

    messages: list[MessageOut]
    waiting: int = Field(description="messages that wait behind these: call `recv` again")
    problems: list[str] = Field(
        default=[], description="bots whose messages do not come in now: why, and the cure"
    )


class PartOut(BaseModel):
    """What became of one part of a send."""

    part: str = Field(description="the beginning of the text, or the file's name")
    state: Literal["sent", "queued", "failed"]
    reason: str = Field(description="why it was queued or failed")
    until: str = Field(
        default="", description="when it is given up if it is still queued then, in ISO 8601"
    )


class Sent(BaseModel):
    """What became of each part."""

    to: str
    bot_id: str
    parts: list[PartOut]
    replies_left: int = Field(description="messages that WeChat still takes before the user writes")


class SendOut(Sent):
    """What became of each part."""

    new_messages: list[MessageOut] = Field(description="messages that came in meanwhile")


class HistoryResult(BaseModel):
    """One page of the history, newest first."""

    messages: list[MessageOut]
    total: int = Field(description="messages that match in all")
    limit: int
    offset: int


class DownloadResult(BaseModel):
    """A file that was saved."""

    path: str
    size: int = Field(description="bytes")
    mime_type: str


class SessionOut(BaseModel):
    """One bot session."""

    name: str
    bot_id: str
    connected: bool
    default: bool
    problem: str = Field(default="", description="why it is not connected, and the cure")


class SessionsResult(BaseModel):
    """Every bot session."""

    sessions: list[SessionOut]


class LoginResult(BaseModel):
    """Where a login stands."""

    status: Literal["pending", "scanned", "need_code", "confirmed", "expired"]
    session_name: str
    qr_url: str = ""
    bot_id: str = ""
    next_step: str


class Done(BaseModel):
    """The action was carried out."""

    done: Literal[True] = True
    message: str
