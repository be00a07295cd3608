"""What the tools return, as models: their JSON schemas are the tools' output schemas."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from weilink.service.sending import SendResult
from weilink.service.visible import visible
from weilink.store.models import Part, PartState, StoredMessage


class MessageOut(BaseModel):
    """One message."""

    message_id: str
    from_user: str = Field(description="who wrote it; pass it to `send` as `to`")
    msg_type: str = Field(description="TEXT, IMAGE, VOICE, FILE, VIDEO or UNKNOWN")
    text: str
    timestamp: int = Field(description="milliseconds since 1970")
    bot_id: str
    direction: str = Field(description="received or sent")

    @classmethod
    def of(cls, message: StoredMessage) -> MessageOut:
        """Return the message as the tools show it, with hidden characters made visible."""
        return cls(
            message_id=message.message_id,
            from_user=visible(message.user_id),
            msg_type=message.msg_type,
            text=visible(message.text),
            timestamp=message.timestamp,
            bot_id=message.bot_id,
            direction=message.direction.value,
        )


class RecvResult(BaseModel):
    """New messages, oldest first."""

    messages: list[MessageOut]
    waiting: int = Field(description="messages that wait behind these: call `recv` again")


class PartOut(BaseModel):
    """What became of one part of a send."""

    part: str = Field(description="the beginning of the text, or the file's name")
    state: Literal["sent", "queued", "failed"]
    reason: str = Field(description="why it was queued or failed, and until when")


class SendOut(BaseModel):
    """What became of each part."""

    to: str
    bot_id: str
    parts: list[PartOut]
    replies_left: int = Field(description="messages that WeChat still takes before the user writes")
    new_messages: list[MessageOut] = Field(description="messages that came in meanwhile")

    @classmethod
    def of(cls, result: SendResult, new: list[MessageOut]) -> SendOut:
        """Return the result of a send."""
        return cls(
            to=result.user_id,
            bot_id=result.bot.bot_id,
            parts=[_part(part) for part in result.parts],
            replies_left=result.replies_left,
            new_messages=new,
        )


def _part(part: Part) -> PartOut:
    preview = part.text if len(part.text) <= 60 else part.text[:59] + "…"
    state: Literal["sent", "queued", "failed"] = "queued"
    if part.state is PartState.SENT:
        state = "sent"
    elif part.state is PartState.FAILED:
        state = "failed"
    # A part that is under way in another process right now: not sent yet, as far as is known.
    reason = part.reason or ("another process is sending it" if state == "queued" else "")
    return PartOut(part=preview, state=state, reason=reason)


class HistoryResult(BaseModel):
    """One page of the history, newest first."""

    messages: list[MessageOut]
    total: int = Field(description="messages that match in all")
    limit: int
    offset: int


class SessionOut(BaseModel):
    """One bot session."""

    name: str
    bot_id: str
    connected: bool
    default: bool
    problem: str = Field("", description="why it is not connected, and the cure")


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
