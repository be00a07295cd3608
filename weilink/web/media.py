"""What people sent, shown in a page: never as anything that a browser would run."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"\x02#!SILK", "audio/silk"),
    (b"#!SILK", "audio/silk"),
)
UNKNOWN = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def safe_type(head: bytes) -> str:
    """Return the MIME type of a picture, sound or film that begins with `head`, else unknown.

    HTML, SVG, PDF and the like are unknown on purpose: a browser shows them as pages.
    """
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:11] == b"M4A" else "video/mp4"
    return next((kind for start, kind in _BEGINNINGS if head.startswith(start)), UNKNOWN)


def media_answer(request: Request, data: bytes, name: str = "") -> Response:
    """Answer with `data`, or the part of it that a player asks for.

    What is not a picture, sound or film, and what has a `name`, is offered as a file to save.
    """
    kind = safe_type(data[:16])
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=3600",
        # Opened by itself in a tab it has no origin and runs nothing.
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if name or kind == UNKNOWN:
        headers["Content-Disposition"] = (
            f"attachment; filename*=utf-8''{quote(name or 'file', safe='')}"
        )
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or asked.group(0) == "bytes=-":
        return Response(data, headers=headers, media_type=kind)
    first, last = asked.groups()
    start = int(first) if first else max(len(data) - int(last), 0)
    end = min(int(last), len(data) - 1) if first and last else len(data) - 1
    if start > end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return Response(data[start : end + 1], 206, headers, kind)
