"""Making characters visible that a terminal obeys or a reader cannot see.

Text of a chat ends in an agent's prompt and in terminals. Escape sequences, zero-width and
bidirectional characters, tag characters and the like are how text hides or pretends there.
"""

from __future__ import annotations

import unicodedata

_KEEP = frozenset("\n\t")
# Invisible, yet letters or symbols to Unicode: Hangul fillers and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_ZWJ = "\u200d"
# Text or picture form of the character before: part of everyday emoji.
_PRESENTATION = frozenset("\ufe0e\ufe0f")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _is_variation_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _is_pictograph(char: str) -> bool:
    # So: emoji; Sk: skin tones; the presentation selectors stand behind either.
    return unicodedata.category(char) in ("So", "Sk") or char in _PRESENTATION


def _harmless(text: str, index: int) -> bool:
    """Whether an invisible character is an ordinary part of what stands around it."""
    char = text[index]
    before = text[index - 1] if index else ""
    after = text[index + 1] if index + 1 < len(text) else ""
    if char in _PRESENTATION:
        # One behind a visible character; a run of them can carry hidden data.
        return bool(before) and before.isprintable() and not _is_variation_selector(before)
    if char == _ZWJ:
        return bool(before and after) and _is_pictograph(before) and _is_pictograph(after)
    return False


def _is_hidden(char: str) -> bool:
    return (
        unicodedata.category(char) in _HIDDEN_CATEGORIES
        or char in _BLANK
        or _is_variation_selector(char)
    )


def visible(text: str) -> str:
    r"""Return `text` with every hidden character written as `[U+XXXX]`.

    Line ends become `\n`. Joined emoji and Chinese, Arabic or any other letters stay as they are.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Nearly every message: nothing hidden, no need to look at each character in Python.
    if (
        text.replace("\n", "").replace("\t", "").isascii()
        and text.replace("\n", "").replace("\t", "").isprintable()
    ):
        return text
    return "".join(
        f"[U+{ord(char):04X}]"
        if char not in _KEEP and _is_hidden(char) and not _harmless(text, index)
        else char
        for index, char in enumerate(text)
    )
