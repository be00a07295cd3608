"""From a message of the wire to one that is stored: its type, its text, what it quotes."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import re
from typing import Any, TypeVar

from pydantic import ValidationError

from weilink.ilink.items import media_items
from weilink.ilink.models import Item, ItemType, Message, MessageType, RefMessage, Wire
from weilink.store.clock import now_ms
from weilink.store.messages import LATEST
from weilink.store.models import Delivery, NewMessage, Quote, QuotedPart

logger = logging.getLogger(__name__)

TYPE_NAMES = {
    ItemType.TEXT: "TEXT",
    ItemType.IMAGE: "IMAGE",
    ItemType.VOICE: "VOICE",
    ItemType.FILE: "FILE",
    ItemType.VIDEO: "VIDEO",
}
_USER = re.compile(r"\S+@im\.\w+")
_W = TypeVar("_W", bound=Wire)
_KNOWN = frozenset(int(kind) for kind in ItemType)


def read_message(raw: Any) -> NewMessage | None:
    """Return the message to store, pending; `None` for one that the bot itself wrote.

    Whatever the service sends is kept: what cannot be understood is stored with its type named
    UNKNOWN, so that it is in the history and can be read later.
    """
    if not isinstance(raw, dict):
        logger.warning("getupdates: a message that is no JSON object was kept as UNKNOWN")
        raw = {"unreadable": raw}
    message, unread = parsed(raw)
    if unread:
        logger.warning(
            "getupdates: a message is kept as it came, '%s' is not what the protocol says", unread
        )
    if message.message_type == MessageType.BOT:
        return None
    items = message.item_list
    message_id = _real(message.message_id) or _real(message.client_id) or _fingerprint(raw)
    quotes = [item.ref_msg for item in items if item.ref_msg is not None]
    return NewMessage(
        message_id=message_id,
        user_id=message.from_user_id,
        msg_type=_type(items),
        text=_whole_text(items, message_id) if items else "[message without content]",
        timestamp=message.create_time_ms if 0 < message.create_time_ms < LATEST else now_ms(),
        context_token=message.context_token,
        delivery=Delivery.PENDING,
        raw=raw,
        group_id=message.group_id,
        quote=_quote(quotes[0]) if quotes else None,
        quoted_part=_quoted_part(quotes[0]) if quotes else None,
    )


def parsed(raw: dict[str, Any]) -> tuple[Message, str]:
    """Return as much of a message as can be read, and the first field that cannot, "" for none.

    A field of the wrong kind loses that field, and nothing of what stands beside it.
    """
    try:
        return Message.model_validate(raw), ""
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"])
    except RecursionError:
        where = "item_list"
    rest = {name: value for name, value in raw.items() if name != "item_list"}
    listed = raw.get("item_list")
    items = [_item(entry) for entry in listed] if isinstance(listed, list) else []
    try:
        message = _pruned(Message, copy.deepcopy(rest))
    except RecursionError:
        # What nests is nothing that this program reads.
        flat = {name: text for name, text in rest.items() if not isinstance(text, (dict, list))}
        message = _pruned(Message, flat)
    return message.model_copy(update={"item_list": items}), where


def _item(raw: Any) -> Item:
    if not isinstance(raw, dict):
        return Item()
    try:
        return _pruned(Item, copy.deepcopy(raw))
    except RecursionError:
        kind = raw.get("type")
        return Item(type=kind if isinstance(kind, int) else 0)


def _pruned(model: type[_W], raw: dict[str, Any]) -> _W:
    """Read `raw`, taking out what cannot be read."""
    while True:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            places = [problem["loc"] for problem in error.errors()]
        if not sum(_cut(raw, place) for place in places):
            raise RecursionError


def _cut(raw: Any, place: tuple[int | str, ...]) -> bool:
    """Take out the field at `place`; return whether there was one."""
    *way, last = place
    for step in way:
        raw = raw.get(step) if isinstance(raw, dict) else None
    return isinstance(raw, dict) and raw.pop(last, None) is not None


def _real(id_: str) -> str:
    """Return an id, "" for the one that says that there is none."""
    id_ = id_.strip()
    return "" if id_ == "0" else id_


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
    item, title = reference.message_item, reference.title.strip()
    message_id = _real(reference.svr_id) or (_real(item.msg_id) if item else "")
    text = item_text(item) if item else ""
    kind = ""
    if item is not None:
        known = item.type in _KNOWN
        kind = TYPE_NAMES.get(ItemType(item.type), "UNKNOWN") if known else "UNKNOWN"
    if _USER.fullmatch(title):
        return Quote(message_id=message_id, user_id=title, msg_type=kind, text=text)
    # To the official client 2.4.9 the title is a summary, and belongs in front of the text.
    if title and title not in text:
        text = title if text in title else f"{title} | {text}"
    return Quote(message_id=message_id, msg_type=kind, text=text)


def _quoted_part(reference: RefMessage) -> QuotedPart | None:
    """Return which part was selected, `None` for the whole."""
    part = reference.partial_text or {}
    start, end = part.get("start"), part.get("end")
    if not (isinstance(start, str) and start and isinstance(end, str) and end):
        return None
    first, last, md5 = part.get("startindex", 0), part.get("endindex", 0), part.get("quotemd5")
    if not (isinstance(first, int) and isinstance(last, int)):
        return None
    return QuotedPart(start, end, first, last, md5 if isinstance(md5, str) else "")
