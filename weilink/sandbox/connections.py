"""The TCP connections behind requests: ASGI has no way to drop one without an answer."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_open: dict[tuple[str, int], asyncio.Transport] = {}
# asyncio reads up to 256 KiB at once, which glibc gives back to the system after each read:
# uploads spend their time on new pages then (1 GiB received in 1.9 s instead of 0.5 s).
_READ_SIZE = 64 * 1024


class TrackedProtocol(H11Protocol):
    """Uvicorn's HTTP protocol, whose transports can be found by the client's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        transport.max_size = _READ_SIZE  # type: ignore[attr-defined]
        super().connection_made(transport)
        # None when the client has gone already.
        if peer := transport.get_extra_info("peername"):
            _open[peer[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        peer = self.transport.get_extra_info("peername")
        # The next connection may have the same port by now.
        if peer and _open.get(peer[:2]) is self.transport:
            del _open[peer[:2]]


def is_open(scope: Scope) -> bool:
    """Say whether the client of a request is still connected."""
    transport = _transport(scope)
    return transport is not None and not transport.is_closing()


def _transport(scope: Scope) -> asyncio.Transport | None:
    client = scope["client"]
    return _open.get(tuple(client)) if client else None


async def drop(scope: Scope, receive: Receive) -> None:
    """Close the connection of a request, whatever was sent on it so far."""
    transport = _transport(scope)
    if transport is not None:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
