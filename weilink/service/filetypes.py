"""What a file is, found from its content; its name helps only where contents look alike."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path

_HEAD = 8192
_SILK = (b"\x02#!SILK_V3", b"#!SILK_V3")
UNKNOWN = "application/octet-stream"
# Beginnings of containers: the name tells of what, as far as it names one of that kind.
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_IN_ZIP = re.compile(
    r"application/(?:zip|.*\+zip|java-archive|x-java-archive|vnd\.android\.package-archive"
    r"|vnd\.openxmlformats-officedocument\..*|vnd\.oasis\.opendocument\..*"
    r"|vnd\.ms-\w+\..*macroenabled.*|vnd\.ms-xpsdocument|vnd\.apple\.(?:pages|numbers|keynote)|x-xpinstall"
    r"|vnd\.google-earth\.kmz)",
    re.IGNORECASE,
)
_IN_OLE = re.compile(
    r"application/(?:msword|vnd\.ms-(?:excel|powerpoint|outlook|project|works)|vnd\.visio"
    r"|x-msi|x-hwp|x-ole-storage)"
)
# What is text although its type does not say so.
_TEXTUAL = re.compile(
    r"text/.*|message/rfc822|application/(?:.*\+(?:xml|json)|json|xml|javascript|ecmascript|yaml|x-yaml|toml|sql"
    r"|rtf|postscript|x-sh|x-csh|x-perl|x-python|x-ruby|x-php|x-httpd-php|x-tex|x-latex|x-texinfo"
    r"|x-troff.*|x-ndjson|x-sql|x-subrip|pgp-.*|x-pem-file|pem-certificate-chain|vnd\.apple\.mpegurl|x-x509-ca-cert|node|mbox)"
)
# The formats that are found by their content and may be text all the same. Not every signature:
# "BM" begins pictures, and texts about BMW.
_FOUND_IN_TEXT = frozenset({"application/pdf", "image/svg+xml"})
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
        return by_name if _TEXTUAL.fullmatch(by_name) else UNKNOWN
    if head.startswith(_SILK):
        return "audio/silk"
    found = _by_content(head)
    if _is_text(head):
        found = [kind for kind in found if kind in _FOUND_IN_TEXT]
        return (found or [by_name if _TEXTUAL.fullmatch(by_name) else "text/plain"])[0]
    if head.startswith(_ZIP):
        return by_name if _IN_ZIP.fullmatch(by_name) else "application/zip"
    if head.startswith(_OLE):
        return by_name if _IN_OLE.fullmatch(by_name) else UNKNOWN
    if by_name in found:
        return by_name
    if not found and b"\0" not in head and by_name.startswith("text/"):
        # Text in another encoding than UTF-8.
        return by_name
    return found[0] if found else UNKNOWN


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
