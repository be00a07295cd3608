"""From what is stored to what the tools show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Literal

from weilink.ilink.models import Item
from weilink.server.results import MediaOut, MessageOut, PartOut, QuoteOut, SendOut, Sent
from weilink.service import Service
from weilink.service.reading import parsed
from weilink.service.sending import SendResult
from weilink.service.visible import visible
from weilink.store.models import Direction, Part, PartState, Quote, StoredMessage


async def messages_out(service: Service, messages: Sequence[StoredMessage]) -> list[MessageOut]:
    """Return messages as the tools show them."""
    return [message_out(message) for message in messages]


def message_out(message: StoredMessage) -> MessageOut:
    """Return a message as the tools show it, with hidden characters made visible."""
    files = [media for item in _items(message) if (media := _media(item))]
    return MessageOut(
        message_id=message.message_id,
        from_user=visible(message.user_id),
        msg_type=message.msg_type,
        text=visible(message.text),
        timestamp=message.timestamp,
        bot_id=message.bot_id,
        direction=message.direction.value,
        group_id=visible(message.group_id),
        media=files[0] if files else None,
        files=len(files),
        ref_msg=_quote(message.quote) if message.quote else None,
    )


async def problems(service: Service) -> list[str]:
    """Return a sentence for each bot whose messages do not come in now."""
    return [
        f"Bot '{session.name}': {problem}"
        for session in service.logins.sessions()
        if (problem := (await service.store.bots.get(session.bot_id)).problem)
    ]


def sent(result: SendResult) -> Sent:
    """Return the result of a send."""
    return Sent(
        to=result.user_id,
        bot_id=result.bot.bot_id,
        parts=[_part(part) for part in result.parts],
        replies_left=result.replies_left,
    )


def send_out(result: SendResult, new: list[MessageOut]) -> SendOut:
    """Return the result of a send and the messages that came in meanwhile."""
    return SendOut(**dict(sent(result)), new_messages=new)


def _items(message: StoredMessage) -> list[Item]:
    """Return the items, those that the message quotes last: the order in which files count."""
    own = parsed(message.raw)[0].item_list
    quoted = [item.ref_msg.message_item for item in own if item.ref_msg is not None]
    return [*own, *filter(None, quoted)]


def _media(item: Item) -> MediaOut | None:
    if item.image_item is not None:
        # The sizes that WeChat gives are those of the encrypted file.
        return MediaOut(kind="IMAGE")
    if item.voice_item is not None and item.voice_item.media is not None:
        return MediaOut(kind="VOICE", seconds=_length(item.voice_item.playtime) / 1000)
    if (file := item.file_item) is not None:
        size = int(file.len) if file.len.isdecimal() and len(file.len) < 19 else 0
        return MediaOut(kind="FILE", file_name=visible(file.file_name), size=size)
    if item.video_item is not None:
        return MediaOut(kind="VIDEO", seconds=_length(item.video_item.play_length))
    return None


def _length(told: int) -> int:
    """Return a length as a message tells it, within reason: JSON knows numbers without end."""
    return min(max(told, 0), 10**9)


def _quote(quote: Quote) -> QuoteOut:
    sent = quote.direction is Direction.SENT
    return QuoteOut(
        message_id=quote.message_id,
        from_user="you" if sent else visible(quote.user_id),
        msg_type=quote.msg_type,
        text=visible(quote.text),
        part=visible(quote.part),
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
    until = _iso(part.expires_at) if state == "queued" else ""
    return PartOut(part=preview, state=state, reason=reason, until=until)


def _iso(moment: int) -> str:
    when = datetime.fromtimestamp(moment / 1000, timezone.utc).astimezone()
    return when.isoformat(timespec="seconds")
