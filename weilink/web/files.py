"""The files of a page, read once and served by name: no path of a request reaches the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from weilink.web.bundle import bundle

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
_FOR_EVER = "public, max-age=31536000, immutable"


class Files:
    """The shared files under `/assets/web/`, those of one page under `/assets/page/`."""

    def __init__(self, page: Path) -> None:
        self._files: dict[str, tuple[bytes, str, str]] = {}
        for prefix, folder in (("web", _SHARED), ("page", page)):
            for path in sorted(folder.rglob("*")):
                if path.suffix in _TYPES and path.is_file():
                    name = f"{prefix}/{path.relative_to(folder).as_posix()}"
                    self._add(name, path.read_bytes(), path.suffix)

    def _add(self, name: str, data: bytes, suffix: str) -> None:
        self._files[name] = (data, _TYPES[suffix], f'"{_digest(data)}"')

    def join(self, html: str, entry: str, styles: Sequence[str]) -> None:
        """Let the page `html` load one script, made of its modules, and one style sheet.

        They take the places of `@script@` and `@style@` in it. Their addresses change with what
        they hold, so that a browser keeps them until then.
        """
        modules = {
            name: data.decode() for name, (data, _, _) in self._files.items() if name[-3:] == ".js"
        }
        words: dict[str, dict[str, str]] = {}
        for name, (data, _, _) in self._files.items():
            if "/words/" in name:
                words.setdefault(Path(name).stem, {}).update(json.loads(data))
        script = bundle(f"page/{entry}", modules, words).encode()
        style = b"\n".join(self._files[name][0] for name in styles)
        data, kind, tag = self._files[f"page/{html}"]
        for mark, suffix, made in ((b"@script@", ".js", script), (b"@style@", ".css", style)):
            name = f"joined/{_digest(made)}{suffix}"
            self._add(name, made, suffix)
            data = data.replace(mark, f"/assets/{name}".encode())
        self._files[f"page/{html}"] = (data, kind, tag)

    def routes(self) -> list[Route]:
        """Return the routes of all files."""
        return [Route("/assets/{name:path}", self._serve, methods=["GET"])]

    def page(self, name: str, status: int = 200, *, first: object = None) -> Response:
        """Return one of the page's own files, such as its HTML, as an answer.

        `first` is what the page shows before it has asked for anything; `firstData` of ui.js has
        it there.
        """
        data, kind, _ = self._files[f"page/{name}"]
        if first is None:
            return Response(data, status, {"Cache-Control": "no-cache"}, kind)
        # A block of data, which no browser runs. Nothing in it can end it.
        text = json.dumps(first).replace("<", "\\u003c")
        block = f'<script type="application/json" id="first">{text}</script>\n  </body>'
        data = data.replace(b"</body>", block.encode())
        return Response(data, status, {"Cache-Control": "no-store"}, kind)

    async def _serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        found = self._files.get(name)
        if found is None:
            return PlainTextResponse("There is no such file.", 404)
        data, kind, tag = found
        # Asked again each time, answered with 304: an upgrade of the package shows at once.
        keep = _FOR_EVER if name.startswith("joined/") else "no-cache"
        headers = {"ETag": tag, "Cache-Control": keep}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=kind)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]
