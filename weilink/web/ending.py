"""Ending requests that are held for news when their server ends."""

from __future__ import annotations

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EndingApp:
    """ASGI middleware whose `end` brings every request of `app` to an end at once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._requests: set[anyio.CancelScope] = set()
        self._ended = False

    def end(self) -> None:
        """End what is under way, and whatever still comes."""
        self._ended = True
        for request in self._requests:
            request.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = finished = False

        async def watched(message: Message) -> None:
            nonlocal started, finished
            started = True
            finished = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        with anyio.CancelScope() as request:
            self._requests.add(request)
            try:
                if self._ended:
                    request.cancel()
                await self._app(scope, receive, watched)
            finally:
                self._requests.discard(request)
        if request.cancelled_caught and not started:
            await PlainTextResponse("WeiLink is ending", 503)(scope, receive, send)
        elif request.cancelled_caught and not finished:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
