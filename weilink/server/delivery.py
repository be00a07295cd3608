"""Acknowledging messages when the result that holds them has been written to the client.

A tool that hands out messages adds their claim to the `Delivery` of its client. The transport
knows when a response has left: it acknowledges then. When the client is gone first, the claims
are released, and the next reader gets the messages.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weilink.errors import WeiLinkError

if TYPE_CHECKING:
    from weilink.service.claiming import Claims

logger = logging.getLogger(__name__)


class ClientGoneError(WeiLinkError):
    """Nobody is there any more to read the result."""


class Delivery:
    """The claims in responses on their way to one client."""

    def __init__(self) -> None:
        self._open: list[tuple[str, Claims, str]] = []
        self._waits: set[anyio.CancelScope] = set()
        self._gone = False
        self._leaving = False

    @property
    def there(self) -> bool:
        """Whether the client is still there, so that a cancelled call was cancelled by it."""
        return not (self._gone or self._leaving)

    def leaving(self) -> None:
        """The client, or this server, is about to be gone."""
        self._leaving = True

    async def add(self, request_id: str, claims: Claims, claim_id: str) -> None:
        """The response to `request_id` is going to hold the messages of this claim.

        Raises:
            ClientGoneError: the client is gone; the claim is released.
        """
        self._open.append((request_id, claims, claim_id))
        if self._gone:
            await self.lost()
            raise ClientGoneError("the client has closed the connection")

    def holds(self, request_id: str) -> bool:
        """Whether the response to `request_id` holds claimed messages."""
        return any(waiting == request_id for waiting, _, _ in self._open)

    async def written(self, request_id: str) -> None:
        """The response to `request_id` is with the client."""
        # Whoever served the request may be cancelled now that it is answered.
        with anyio.CancelScope(shield=True):
            for entry in [entry for entry in self._open if entry[0] == request_id]:
                self._open.remove(entry)
                _, claims, claim_id = entry
                await claims.acknowledge(claim_id)

    async def all_written(self) -> None:
        """Every response is with the client."""
        for request_id, _, _ in list(self._open):
            await self.written(request_id)

    async def lost(self) -> None:
        """The client is gone: what it did not get goes to the next reader."""
        if not self._gone and (self._open or self._waits):
            logger.info("a client is gone before its result; its messages go to the next one")
        self._gone = True
        for scope in self._waits:
            scope.cancel()
        with anyio.CancelScope(shield=True):
            while self._open:
                _, claims, claim_id = self._open.pop()
                await claims.release(claim_id)

    @contextmanager
    def while_there(self) -> Iterator[None]:
        """Stop what runs inside when the client goes away.

        Raises:
            ClientGoneError: it did.
        """
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                yield
            finally:
                self._waits.discard(scope)
        if scope.cancelled_caught:
            raise ClientGoneError("the client has closed the connection")


CLIENT: ContextVar[Delivery | None] = ContextVar("CLIENT", default=None)
"""The client whose request is being served."""


class DeliveringApp:
    """ASGI middleware: one `Delivery` for each HTTP request, or SSE connection, of `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._requests: dict[anyio.CancelScope, Delivery] = {}
        self._ended = False

    def end(self) -> None:
        """Bring every response to an end, the endless ones of event streams too."""
        self._ended = True
        for request, delivery in self._requests.items():
            delivery.leaving()
            request.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        delivery = Delivery()
        started = finished = False

        async def watched_receive() -> Message:
            message = await receive()
            # Also said when a response is complete, and then there is nothing left to lose.
            if message["type"] == "http.disconnect":
                await delivery.lost()
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started, finished
            answered = _answered(message.get("body", b""), delivery)
            if answered:
                # The server drops what it is given after a disconnect; let the watcher hear of it.
                await anyio.lowlevel.checkpoint()
            await send(message)
            started = True
            finished = message["type"] == "http.response.body" and not message.get("more_body")
            for request_id in answered:
                await delivery.written(request_id)

        token = CLIENT.set(delivery)
        try:
            with anyio.CancelScope() as request:
                self._requests[request] = delivery
                if self._ended:
                    request.cancel()
                await self._app(scope, watched_receive, watched_send)
        finally:
            self._requests.pop(request, None)
            CLIENT.reset(token)
            await delivery.lost()
        if request.cancelled_caught and not started:
            await PlainTextResponse("WeiLink is ending", 503)(scope, receive, send)
        elif request.cancelled_caught and not finished:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _answered(body: bytes, delivery: Delivery) -> list[str]:
    """Return the ids of the JSON-RPC responses in a part of an HTTP body: JSON or SSE events."""
    found = []
    # Progress and pings pass often, and are not worth a parse.
    if b'"result"' in body or b'"error"' in body:
        for line in body.splitlines():
            if line.startswith((b"data:", b"{")):
                request_id = str(json.loads(line.removeprefix(b"data:")).get("id"))
                if delivery.holds(request_id):
                    found.append(request_id)
    return found
