"""File names from WeChat, made safe for any file system."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 180
"""Bytes of UTF-8 of a name: room below the usual 255 for " (2)" and a temporary suffix."""
_LONGEST_SUFFIX = 20
# Separators of every system, drive letters and streams (:), what Windows forbids.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(
    r"(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])", re.IGNORECASE
)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters, marks and signs that show nothing all the same: fillers, joiners, an empty Braille cell.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0]")
# They choose how the character before them looks; alone they are nothing.
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def safe_name(name: str, fallback: str) -> str:
    """Return `name` as one harmless component of a path; `fallback` when nothing is left of it.

    Only the last component counts: no separators, `..`, drive letters, control or invisible
    characters, reserved names of Windows, leading dots or dashes. At most `LONGEST` bytes, the
    suffix kept.
    """
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = "".join(char for char in name if unicodedata.category(char) not in _HIDDEN)
    name = _FORBIDDEN.sub("_", _BLANK.sub("", name))
    name = " ".join(name.split()).strip(". ")
    if name.startswith("-"):
        # It would be taken for an option by the commands that people type.
        name = "_" + name[1:]
    if not _SELECTORS.sub("", name).strip("_"):
        return fallback
    if _RESERVED.fullmatch(name.partition(".")[0].rstrip()):
        name = f"_{name}"
    return _shortened(name)


def split_suffix(name: str) -> tuple[str, str]:
    """Return stem and suffix (with its dot) of a name."""
    stem, dot, suffix = name.rpartition(".")
    if not stem or not dot or len(suffix.encode()) > _LONGEST_SUFFIX or " " in suffix:
        return name, ""
    return stem, dot + suffix


def numbered(name: str, number: int) -> str:
    """Return `name` for the `number`th file of that name: "report (2).pdf"."""
    if number == 1:
        return name
    stem, suffix = split_suffix(name)
    return f"{stem} ({number}){suffix}"


def _shortened(name: str) -> str:
    stem, suffix = split_suffix(name)
    room = LONGEST - len(suffix.encode())
    if len(stem.encode()) > room:
        stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return stem + suffix
