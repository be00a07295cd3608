"""From a message of the wire to one that is stored: its type, its text, who may send it on."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

from pydantic import ValidationError

from weilink.ilink.models import Item, ItemType, Message, MessageType
from weilink.store.clock import now_ms
from weilink.store.models import Delivery, NewMessage

logger = logging.getLogger(__name__)

TYPE_NAMES = {
    ItemType.TEXT: "TEXT",
    ItemType.IMAGE: "IMAGE",
    ItemType.VOICE: "VOICE",
    ItemType.FILE: "FILE",
    ItemType.VIDEO: "VIDEO",
}


def read_message(raw: Any) -> NewMessage | None:
    """Return the message to store, pending; `None` for one that the bot itself wrote.

    Whatever the service sends is kept: what cannot be understood is stored with its type named
    UNKNOWN, so that it is in the history and can be read later.
    """
    if not isinstance(raw, dict):
        logger.warning("getupdates: a message that is no JSON object was kept as UNKNOWN")
        raw = {"unreadable": raw}
    try:
        message = Message.model_validate(raw)
    except ValidationError as error:
        logger.warning(
            "getupdates: a message was kept as UNKNOWN, '%s' is not what the protocol says",
            ".".join(str(part) for part in error.errors()[0]["loc"]),
        )
        message = Message(from_user_id=str(raw.get("from_user_id") or ""))
    if message.message_type == MessageType.BOT:
        return None
    return NewMessage(
        message_id=message.message_id or message.client_id or _fingerprint(raw),
        user_id=message.from_user_id,
        msg_type=_type(message.item_list),
        text="\n".join(filter(None, map(_text, message.item_list))),
        timestamp=message.create_time_ms or now_ms(),
        context_token=message.context_token,
        delivery=Delivery.PENDING,
        raw=raw,
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


_KNOWN = frozenset(int(kind) for kind in ItemType)


def _text(item: Item) -> str:
    if item.text_item is not None and item.type == ItemType.TEXT:
        return item.text_item.text
    if item.voice_item is not None:
        return item.voice_item.text or "[voice message]"
    if item.image_item is not None:
        return "[picture]"
    if item.file_item is not None:
        return f"[file: {item.file_item.file_name}]"
    if item.video_item is not None:
        return "[video]"
    return f"[message of a kind unknown to WeiLink: type {item.type}]"
