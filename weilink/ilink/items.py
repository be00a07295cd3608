"""Items of messages: the media in one, and its place in an item that is sent."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from weilink.ilink.cipher import ciphertext_size, parse_key
from weilink.ilink.models import Item, ItemType, Media

_FIELDS = {
    ItemType.IMAGE: "image_item",
    ItemType.VOICE: "voice_item",
    ItemType.FILE: "file_item",
    ItemType.VIDEO: "video_item",
}


@dataclass(frozen=True)
class MediaItem:
    """A file in a message: where it is and how it is encrypted."""

    kind: ItemType
    media: Media
    direct_key: str
    """`image_item.aeskey`, hex, "" when there is none."""
    file_name: str
    size: int
    """Plain size in bytes as far as the message tells it, else 0."""

    def key(self) -> bytes | None:
        """Return the key; `None` for a picture that is not encrypted.

        Raises:
            KeyFormError: there is a key in no known form, or none where there must be one.
        """
        return parse_key(self.media.aes_key, self.direct_key)


def media_items(items: list[Item]) -> list[MediaItem]:
    """Return every file of a message, in order; those of a quoted message come last."""
    own = [found for item in items if (found := _media_item(item))]
    quoted = [
        found
        for item in items
        if item.ref_msg and item.ref_msg.message_item
        if (found := _media_item(item.ref_msg.message_item))
    ]
    return own + quoted


def _media_item(item: Item) -> MediaItem | None:
    if (image := item.image_item) is not None:
        media = image.media or image.thumb_media or Media()
        if not (media.full_url or media.encrypt_query_param) and image.url:
            media = media.model_copy(update={"full_url": image.url})
        return MediaItem(ItemType.IMAGE, media, image.aeskey, "", 0)
    if (voice := item.voice_item) is not None and voice.media is not None:
        return MediaItem(ItemType.VOICE, voice.media, "", "", 0)
    if (file := item.file_item) is not None:
        size = int(file.len) if file.len.isdecimal() and len(file.len) < 19 else 0
        return MediaItem(ItemType.FILE, file.media or Media(), "", file.file_name, size)
    if (video := item.video_item) is not None:
        return MediaItem(ItemType.VIDEO, video.media or Media(), "", "", 0)
    return None


def with_media(item: dict[str, Any], reference: str, key: bytes, size: int) -> dict[str, Any]:
    """Return `item` with the reference to its uploaded file of `size` plain bytes."""
    kind = ItemType(item["type"])
    field = _FIELDS[kind]
    part = {
        **item[field],
        "media": {
            "encrypt_query_param": reference,
            # base64 of the hex text, not of the bytes: so does the official client 2.4.9.
            "aes_key": base64.b64encode(key.hex().encode()).decode(),
            "encrypt_type": 1,
        },
    }
    if kind is ItemType.IMAGE:
        part["mid_size"] = ciphertext_size(size)
    elif kind is ItemType.VIDEO:
        part["video_size"] = ciphertext_size(size)
    return {**item, field: part}
