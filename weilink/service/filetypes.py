"""What a file is, found from its content; its name helps only where contents look alike."""

from __future__ import annotations

import mimetypes
from pathlib import Path

_HEAD = 8192
_SILK = (b"\x02#!SILK_V3", b"#!SILK_V3")
UNKNOWN = "application/octet-stream"
# Formats that are containers for others: the name tells which one.
_CONTAINERS = frozenset({"application/zip", "application/x-ole-storage", "application/xml"})
# puremagic's own names where others are usual.
_USUAL = {"audio/wave": "audio/wav", "audio/x-wav": "audio/wav", "image/x-png": "image/png"}
_SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "audio/silk": ".silk",
    "audio/wav": ".wav",
    "text/plain": ".txt",
}


def mime_type(path: Path, name: str = "") -> str:
    """Return the MIME type of the file at `path`; `name` is what it is called."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return mime_of(head, name or path.name)


def mime_of(head: bytes, name: str) -> str:
    """Return the MIME type of a file that begins with `head`."""
    by_name = mimetypes.guess_type(name, strict=False)[0] or ""
    if not head:
        return by_name or UNKNOWN
    if head.startswith(_SILK):
        return "audio/silk"
    found = _by_content(head)
    if _is_text(head) and not any(kind.startswith(("application/pdf", "image/")) for kind in found):
        return by_name if by_name.startswith(("text/", "application/")) else "text/plain"
    if by_name in found:
        return by_name
    if not found:
        return UNKNOWN
    # "PK" begins every office document, archive and app package.
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) or found[0] in _CONTAINERS:
        return by_name if by_name.startswith("application/") else _container(head)
    return found[0]


def _container(head: bytes) -> str:
    return "application/zip" if head.startswith(b"PK") else UNKNOWN


def suffix_for(mime: str) -> str:
    """Return the usual suffix of a type, with its dot; "" when there is none."""
    return _SUFFIXES.get(mime) or mimetypes.guess_extension(mime, strict=False) or ""


def _by_content(head: bytes) -> list[str]:
    # Imported on use: it reads a table of some hundred signatures.
    import puremagic

    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return []
    kinds = [_USUAL.get(match.mime_type, match.mime_type) for match in matches]
    return [kind for kind in kinds if kind]


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut in two.
        return error.start >= len(head) - 3 and len(head) == _HEAD
    return True
