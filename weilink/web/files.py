"""The files of a page, read once and served by name: no path of a request reaches the disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

# Named here because what `mimetypes` knows depends on the computer, and a browser that is told
# not to guess runs no module of another type.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}
_SHARED = Path(__file__).parent / "static"


class Files:
    """The shared files under `/assets/web/`, those of one page under `/assets/page/`."""

    def __init__(self, page: Path) -> None:
        self._files: dict[str, tuple[bytes, str, str]] = {}
        for prefix, folder in (("web", _SHARED), ("page", page)):
            for path in sorted(folder.rglob("*")):
                if path.suffix in _TYPES and path.is_file():
                    data = path.read_bytes()
                    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
                    name = f"{prefix}/{path.relative_to(folder).as_posix()}"
                    self._files[name] = (data, _TYPES[path.suffix], tag)

    def routes(self) -> list[Route]:
        """Return the routes of all files."""
        return [Route("/assets/{name:path}", self._serve, methods=["GET"])]

    def page(self, name: str, status: int = 200) -> Response:
        """Return one of the page's own files, such as its HTML, as an answer."""
        data, kind, _ = self._files[f"page/{name}"]
        return Response(data, status, {"Cache-Control": "no-cache"}, kind)

    async def _serve(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            return PlainTextResponse("There is no such file.", 404)
        data, kind, tag = found
        # Asked again each time, answered with 304: an upgrade of the package shows at once.
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=kind)
