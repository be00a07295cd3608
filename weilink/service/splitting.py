"""Cutting a long text into messages, where a reader would."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 4000
"""Where the official client 2.4.9 splits. In UTF-8 at most 16,000 bytes, below iLink's 16,384."""

# From the best place to cut to the least good one; the cut is behind the match.
_BORDERS = (r"\n\s*\n", r"\n", r"[。！？；.!?;]\s*", r"\s")


def split(text: str, limit: int = MAX_CHARACTERS) -> list[str]:
    """Return `text` in parts of at most `limit` characters, none of them empty.

    Cuts at a paragraph, else a line, else a sentence, else a space, and never inside a
    character that is made of several code points.
    """
    parts = []
    text = text.strip("\n")
    while len(text) > limit:
        cut = _cut(text, limit)
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip("\n")
    parts.append(text)
    return [part for part in parts if part.strip()]


def _cut(text: str, limit: int) -> int:
    for border in _BORDERS:
        # In the second half only: better a worse border than many short messages.
        ends = [m.end() for m in re.finditer(border, text[: limit + 1]) if m.end() <= limit]
        if ends and ends[-1] > limit // 2:
            return ends[-1]
    cut = limit
    while cut > limit - 32 and _continues(text, cut):
        cut -= 1
    return cut


def _continues(text: str, index: int) -> bool:
    """Whether the character at `index` belongs to the one before it."""
    char, before = text[index], text[index - 1]
    joiner = "\u200d"
    return (
        unicodedata.combining(char) != 0
        or unicodedata.category(char) in ("Mn", "Me", "Sk")
        or joiner in (char, before)
    )
