"""Cutting a long text into messages, where a reader would."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from weilink.store.text import storable

MAX_CHARACTERS = 4000
"""Where the official client 2.4.9 splits. In UTF-8 at most 16,000 bytes, below iLink's 16,384."""

# However far it stands in: under an item of a list a fence is as far in as the item's text.
_FENCE = re.compile(r"(?P<margin>[ \t]*)(?P<marks>`{3,}|~{3,})(?P<info>[^\n]*)")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)、])\s")
_SENTENCE = re.compile(r"[。！？；…]|[.!?;](?=\s)")
_LONGEST_FENCE = 64
"""Room for the fences that a cut inside a code block adds."""

# How good a place is to cut, best first.
_PARAGRAPH, _LIST_ITEM, _LINE, _CODE_LINE = range(4)


def split(text: str, limit: int = MAX_CHARACTERS) -> list[str]:
    """Return `text` in parts of at most `limit` characters, none of them empty.

    Cuts at a paragraph or code block, else a list item, else a line, else a sentence, else a
    space, and never inside a character that is made of several code points. A code block that
    is cut is closed in one part and opened again in the next.
    """
    text = storable(text).replace("\r\n", "\n").strip("\n")
    parts = []
    fence = ""
    while len(text) > limit:
        cut, inside = _cut(
            text, limit - _LONGEST_FENCE if "```" in text or "~~~" in text else limit
        )
        part, text = text[:cut].rstrip(), text[cut:]
        if inside:
            part += "\n" + _end_of(inside)
            text = f"{inside}\n" + (text[1:] if text.startswith("\n") else text)
        else:
            text = text.lstrip("\n")
        parts.append(part)
        fence = inside
    if fence and re.fullmatch(r"\s*[`~]{3,}[^\n]*\n\s*[`~]{3,}\s*", text):
        # Only the end of the code block was left: it is closed already.
        text = ""
    parts.append(text)
    return [part for part in parts if part.strip()]


def fewest(text: str) -> int:
    """Return how many parts `split` makes of a text at least, at once even for a very long one."""
    return -(-len(text.replace("\r\n", "\n").strip("\n")) // MAX_CHARACTERS)


def _cut(text: str, limit: int) -> tuple[int, str]:
    """Return where to cut, and the line that opens the code block which is cut ("": none)."""
    best: dict[int, tuple[int, str]] = {}
    for position, rank, fence in _borders(text, limit):
        # In the second half only: better a worse border than many short messages.
        if position > limit // 2:
            best[rank] = (position, fence)
    if best:
        return best[min(best)]
    fence = _fence_at(text, limit)
    window = text[:limit]
    if not fence:
        ends = [match.end() for match in _SENTENCE.finditer(window)]
        if ends and ends[-1] > limit // 2:
            return ends[-1], ""
    space = max(window.rfind(" "), window.rfind("\t"), window.rfind("\n"))
    if space > limit // 2:
        return space + 1, fence
    cut = limit
    while cut > limit - 64 and cut > 1 and _continues(text, cut):
        cut -= 1
    return cut, fence


def _lines(text: str, limit: int) -> Iterator[tuple[int, str]]:
    start = 0
    while start < len(text) and start <= limit:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, text[start:end]
        start = end + 1


def _borders(text: str, limit: int) -> Iterator[tuple[int, int, str]]:
    """Every line before `limit` as a place to cut in front of: position, rank, open fence."""
    fence, before = "", "\n"
    for start, line in _lines(text, limit):
        opened = fence
        match = _FENCE.match(line)
        if start:
            if opened:
                yield start, _CODE_LINE, opened
            elif match or not before.strip():
                yield start, _PARAGRAPH, ""
            else:
                yield start, _LIST_ITEM if _ITEM.match(line) else _LINE, ""
        if match:
            fence = _after(fence, match)
        # What follows a closed code block is a paragraph of its own.
        before = "" if opened and not fence else line


def _after(fence: str, match: re.Match[str]) -> str:
    margin, marks, info = match["margin"].expandtabs(4), match["marks"], match["info"].strip()
    if not fence:
        if len(margin) + len(marks) > _LONGEST_FENCE // 4:
            margin = ""  # no list goes so deep
        return (margin + marks + info)[: _LONGEST_FENCE // 2]
    end = _end_of(fence)
    opened = end.lstrip(" ")
    closes = (
        marks[0] == opened[0]
        and not info
        and len(marks) >= len(opened)
        # Further in it is a line of the code, as in a text of Markdown within the code.
        and len(margin) <= len(end) - len(opened) + 3
    )
    return "" if closes else fence


def _end_of(fence: str) -> str:
    """Return the line that closes a code block which `fence` opens."""
    found = re.match(r" *(`+|~+)", fence)
    return found[0] if found else ""


def _fence_at(text: str, limit: int) -> str:
    fence = ""
    for start, line in _lines(text, limit):
        if start < limit and (match := _FENCE.match(line)):
            fence = _after(fence, match)
    return fence


def _continues(text: str, index: int) -> bool:
    """Whether the character at `index` belongs to the one before it."""
    char, before = text[index], text[index - 1]
    joiner = "\u200d"
    if _is_flag_half(char) and _is_flag_half(before):
        run = 0
        while run < index and _is_flag_half(text[index - 1 - run]):
            run += 1
        return run % 2 == 1
    return (
        unicodedata.combining(char) != 0
        or unicodedata.category(char) in ("Mn", "Me", "Mc", "Sk")
        or joiner in (char, before)
        # The rest of a syllable in Hangul that is written letter by letter.
        or "\u1160" <= char <= "\u11ff"
        # The tags behind the flag of a region.
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
