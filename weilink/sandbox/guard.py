"""Refuses requests that a page of another site could have made (DNS rebinding, forgery)."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_NAMES = ("127.0.0.1", "localhost")


class Guard:
    """Lets a request in when its `Host`, and its `Origin` if it has one, are the sandbox itself.

    A page that a rebound name has made "same-origin" still sends that name in `Host`.
    """

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self._app = app
        port = urlsplit(base_url).port
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        if port == 80:  # Clients leave the default port out.
            self._hosts.update(_NAMES)
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or answer 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            await PlainTextResponse("foreign Host", 403)(scope, receive, send)
        elif any(origin.lower() not in self._origins for origin in origins):
            await PlainTextResponse("foreign Origin", 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
