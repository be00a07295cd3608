"""How a phone quotes a message: `ref_msg` in its three styles [ilink.md, Receiving]."""

from __future__ import annotations

import hashlib
from typing import Any

STYLES = ("inline", "id", "partial")


def quote(wire: dict[str, Any], style: str, part: str = "") -> dict[str, Any]:
    """Return the `ref_msg` that quotes a message.

    `inline` carries the quoted item, as older phones do; `id` only `svr_id`, as newer ones do;
    `partial` the id and which part of the text: from which occurrence of `start` to which of
    `end`, as the official client 2.4.9 reads it. That these are the part's first and last
    character, and both counted from the beginning of the text, is an assumption.

    Raises:
        ValueError: the style is unknown, or `part` is not in the quoted text.
    """
    if style not in STYLES:
        raise ValueError(f"unknown style '{style}'; {', '.join(STYLES)}")
    item = wire["item_list"][0]
    if style == "inline":
        return {"title": wire["from_user_id"], "message_item": item}
    reference: dict[str, Any] = {"svr_id": wire["message_id"]}
    if style == "partial":
        text = item.get("text_item", {}).get("text", "")
        at = text.find(part)
        if not part or at < 0:
            raise ValueError("the part is not in the quoted text")
        reference["partial_text"] = {
            "start": part[0],
            "end": part[-1],
            "startindex": text.count(part[0], 0, at),
            "endindex": text.count(part[-1], 0, at + len(part) - 1),
            "quotemd5": hashlib.md5(part.encode(), usedforsecurity=False).hexdigest(),
        }
    return reference
