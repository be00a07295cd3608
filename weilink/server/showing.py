"""From what is stored to what the tools show."""

from __future__ import annotations

from typing import Literal

from weilink.ilink.models import Item, ItemType, Message
from weilink.server.results import MediaOut, MessageOut, PartOut, QuoteOut, SendOut
from weilink.service import Service
from weilink.service.sending import SendResult
from weilink.service.visible import visible
from weilink.store.models import Direction, Part, PartState, StoredMessage


async def messages_out(service: Service, messages: list[StoredMessage]) -> list[MessageOut]:
    """Return messages as the tools show them, quotes looked up in the history."""
    shown = []
    for message in messages:
        quoted = _quoted_id(message)
        stored = await service.store.history.get(quoted) if quoted else None
        shown.append(message_out(message, stored))
    return shown


def message_out(message: StoredMessage, quoted: StoredMessage | None = None) -> MessageOut:
    """Return a message as the tools show it, with hidden characters made visible."""
    items = _items(message)
    return MessageOut(
        message_id=message.message_id,
        from_user=visible(message.user_id),
        msg_type=message.msg_type,
        text=visible(message.text),
        timestamp=message.timestamp,
        bot_id=message.bot_id,
        direction=message.direction.value,
        media=next(filter(None, map(_media, items)), None),
        ref_msg=next(filter(None, (_quote(item, quoted) for item in items)), None),
    )


def send_out(result: SendResult, new: list[MessageOut]) -> SendOut:
    """Return the result of a send."""
    return SendOut(
        to=result.user_id,
        bot_id=result.bot.bot_id,
        parts=[_part(part) for part in result.parts],
        replies_left=result.replies_left,
        new_messages=new,
    )


def _items(message: StoredMessage) -> list[Item]:
    try:
        return Message.model_validate(message.raw).item_list
    except ValueError:
        return []  # stored as UNKNOWN, whatever it was


def _quoted_id(message: StoredMessage) -> str:
    ids = (item.ref_msg.svr_id for item in _items(message) if item.ref_msg is not None)
    return next(filter(None, ids), "")


def _media(item: Item) -> MediaOut | None:
    if item.type == ItemType.IMAGE:
        # The sizes that WeChat gives are those of the encrypted file.
        return MediaOut()
    if item.type == ItemType.VOICE and item.voice_item is not None:
        return MediaOut(seconds=item.voice_item.playtime / 1000)
    if item.type == ItemType.FILE and item.file_item is not None:
        size = item.file_item.len
        return MediaOut(
            file_name=visible(item.file_item.file_name),
            size=int(size) if size.isascii() and size.isdigit() else 0,
        )
    if item.type == ItemType.VIDEO and item.video_item is not None:
        return MediaOut(seconds=item.video_item.play_length)
    return None


def _quote(item: Item, stored: StoredMessage | None) -> QuoteOut | None:
    quote = item.ref_msg
    if quote is None:
        return None
    if stored is not None:
        sent = stored.direction is Direction.SENT
        return QuoteOut(
            message_id=stored.message_id,
            from_user="you" if sent else visible(stored.user_id),
            text=visible(stored.text),
        )
    inline = quote.message_item
    text = inline.text_item.text if inline is not None and inline.text_item is not None else ""
    return QuoteOut(message_id=quote.svr_id, from_user=visible(quote.title), text=visible(text))


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
