"""From a message of the wire to one that is stored: its type, its text, what it quotes."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

from pydantic import ValidationError

from weilink.ilink.items import media_items
from weilink.ilink.models import Item, ItemType, Message, MessageType, RefMessage
from weilink.store.clock import now_ms
from weilink.store.models import Delivery, NewMessage, Quote

logger = logging.getLogger(__name__)

TYPE_NAMES = {
    ItemType.TEXT: "TEXT",
    ItemType.IMAGE: "IMAGE",
    ItemType.VOICE: "VOICE",
    ItemType.FILE: "FILE",
    ItemType.VIDEO: "VIDEO",
}
_KNOWN = frozenset(int(kind) for kind in ItemType)


def read_message(raw: Any) -> NewMessage | None:
    """Return the message to store, pending; `None` for one that the bot itself wrote.

    Whatever the service sends is kept: what cannot be understood is stored with its type named
    UNKNOWN, so that it is in the history and can be read later.
    """
    if not isinstance(raw, dict):
        logger.warning("getupdates: a message that is no JSON object was kept as UNKNOWN")
        raw = {"unreadable": raw}
    message = _parsed(raw)
    if message.message_type == MessageType.BOT:
        return None
    items = message.item_list
    message_id = message.message_id or message.client_id or _fingerprint(raw)
    quotes = [item.ref_msg for item in items if item.ref_msg is not None]
    return NewMessage(
        message_id=message_id,
        user_id=message.from_user_id,
        msg_type=_type(items),
        text=_whole_text(items, message_id),
        timestamp=message.create_time_ms if message.create_time_ms > 0 else now_ms(),
        context_token=message.context_token,
        delivery=Delivery.PENDING,
        raw=raw,
        group_id=message.group_id,
        quote=_quote(quotes[0]) if quotes else None,
        quoted_part=_quoted_part(quotes[0]) if quotes else None,
    )


def _parsed(raw: dict[str, Any]) -> Message:
    """Read as much of a message as can be read: a field of the wrong kind loses that field."""
    items: list[Item] = []
    whole = dict(raw)
    listed = whole.pop("item_list", None)
    for entry in listed if isinstance(listed, list) else []:
        try:
            items.append(Item.model_validate(entry))
        except (ValidationError, RecursionError) as error:
            _complain(error)
            kind = entry.get("type") if isinstance(entry, dict) else None
            items.append(Item(type=kind if isinstance(kind, int) else 0))
    try:
        message = Message.model_validate(whole)
    except (ValidationError, RecursionError) as error:
        _complain(error)
        kept = {}
        for name, value in whole.items():
            try:
                Message.model_validate({name: value})
                kept[name] = value
            except (ValidationError, RecursionError):
                continue
        message = Message.model_validate(kept)
    return message.model_copy(update={"item_list": items})


def _complain(error: Exception) -> None:
    where = "it"
    if isinstance(error, ValidationError):
        where = f"'{'.'.join(str(part) for part in error.errors()[0]['loc'])}'"
    logger.warning(
        "getupdates: a message is kept as it came, %s is not what the protocol says", where
    )


def _fingerprint(raw: dict[str, Any]) -> str:
    # A message without any id is still recognised when its batch is repeated.
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()[:32]


def _type(items: list[Item]) -> str:
    """Name the first item that is not text: a picture with a caption is an IMAGE."""
    names = [TYPE_NAMES.get(ItemType(i.type)) if i.type in _KNOWN else None for i in items]
    for name in names:
        if name != "TEXT":
            return name or "UNKNOWN"
    return "TEXT" if names else "UNKNOWN"


def _whole_text(items: list[Item], message_id: str) -> str:
    lines = []
    files = 0
    for item in items:
        files += len(media_items([item.model_copy(update={"ref_msg": None})]))
        # Every file but the first has an id of its own for `download`.
        lines.append(item_text(item, f"{message_id}#{files}" if files > 1 else ""))
    return "\n".join(filter(None, lines))


def item_text(item: Item, file_id: str = "") -> str:
    """Return an item as text; `file_id` is what its file is downloaded by, when told."""
    how = f", download id {file_id}" if file_id else ""
    if item.type == ItemType.TEXT and item.text_item is not None:
        return item.text_item.text
    if item.voice_item is not None:
        spoken = item.voice_item.text
        return f"[voice message{how}] {spoken}" if spoken else f"[voice message{how}]"
    if item.image_item is not None:
        return f"[picture{how}]"
    if item.file_item is not None:
        return f"[file: {item.file_item.file_name}{how}]"
    if item.video_item is not None:
        return f"[video{how}]"
    return f"[message of a kind unknown to WeiLink: type {item.type}]"


def _quote(reference: RefMessage) -> Quote:
    item = reference.message_item
    if item is None:
        return Quote(message_id=reference.svr_id)
    names = {TYPE_NAMES[kind] for kind in TYPE_NAMES if int(kind) == item.type}
    return Quote(
        message_id=reference.svr_id,
        user_id=reference.title,
        msg_type=next(iter(names), "UNKNOWN"),
        text=item_text(item),
    )


def _quoted_part(reference: RefMessage) -> tuple[int, int] | None:
    """Return the offsets of the first and last character that were selected."""
    part = reference.partial_text or {}
    first, last = part.get("startindex"), part.get("endindex")
    if isinstance(first, int) and isinstance(last, int):
        return first, last
    return None
