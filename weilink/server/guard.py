"""Who may talk to an HTTP server of ours: `Host` and `Origin`, the token, the size of a request."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Container
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from weilink.errors import UsageError
from weilink.i18n import t

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of one request."""


def is_loopback(host: str) -> bool:
    """Whether only programs on this computer can connect to a listener on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(host: str, token: str | None) -> None:
    """Refuse to listen where others can connect, without a token.

    Raises:
        UsageError: there is no token, and `host` is not on loopback.
    """
    if not token and not is_loopback(host):
        raise UsageError(
            t(
                "other computers can connect to {host}, and whoever connects can read and send "
                "your messages: set a token with WEILINK_TOKEN or --token (a long random text), "
                "or leave --host at 127.0.0.1",
                host=host or '""',
            )
        )


class Guard:
    """ASGI middleware in front of `app`, which listens on `host`.

    `Host` must name this computer: a web page whose name an attacker has pointed at it cannot
    get through. `Origin`, which browsers add, must be the same. With a `token`, every request
    must bring it. On `streams`, paths where `app` itself says how much it takes, a request may be
    longer than others.
    """

    def __init__(
        self, app: ASGIApp, host: str, token: str | None, streams: Container[str] = ()
    ) -> None:
        self._app = app
        self._streams = streams
        self._token = token.encode() if token else None
        self._names = {"localhost", host.lower()}
        self._any_address = not is_loopback(host)
        if self._any_address:
            name = socket.gethostname().lower()
            self._names |= {name, f"{name}.local", socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)):
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._is_ours(f"//{host}"):
            return PlainTextResponse("This server is not called that (Host).", 421)
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            return PlainTextResponse("Pages of other sites may not connect (Origin).", 403)
        if self._token is not None:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            # As it was on the wire: starlette reads headers as Latin-1, whatever they are.
            right = secrets.compare_digest(given.strip().encode("latin-1"), self._token)
            if scheme.lower() != "bearer" or not right:
                return PlainTextResponse(
                    "This server wants its token: Authorization: Bearer <WEILINK_TOKEN>.",
                    401,
                    {"WWW-Authenticate": 'Bearer realm="WeiLink"'},
                )
        length = headers.get("content-length", "0")
        too_long = int(length) > BODY_LIMIT if length.isdigit() else True
        if too_long and not (length.isdigit() and scope["path"] in self._streams):
            return PlainTextResponse(
                f"A request may have {BODY_LIMIT // 1024 // 1024} MiB at most. "
                "Send what is longer as a file: write it to disk and give send its file_path.",
                413,
            )
        return None

    def _is_ours(self, url: str) -> bool:
        try:
            name = (urlsplit(url).hostname or "").lower()
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        # An address, unlike a name, cannot be pointed here by somebody else.
        return self._any_address or address.is_loopback
