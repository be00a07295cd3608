"""Messages in an answer are handed over when it has left, for a client that is still there."""

from __future__ import annotations

import anyio
import anyio.lowlevel
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weilink.server.delivery import CLIENT, Delivery
from weilink.server.guard import BODY_LIMIT


class DeliveringApp:
    """ASGI middleware: reads the body, then listens for the client going away.

    A client that leaves ends what waits on its behalf, and what it did not get goes to the next
    reader. Bodies without a length are cut off at the limit that the guard has for the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            text = {"error": "The request is too large, or broke off."}
            await JSONResponse(text, 413)(scope, receive, send)
            return
        delivery, given = Delivery(), False

        async def replay() -> Message:
            nonlocal given
            if given:
                await anyio.sleep_forever()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def watched_send(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body")
            if last:
                # A disconnect that has just come: let the watcher hear of it first.
                await anyio.lowlevel.checkpoint()
            await send(message)
            if last:
                await delivery.all_written()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            await delivery.lost()

        token = CLIENT.set(delivery)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                await self._app(scope, replay, watched_send)
                tasks.cancel_scope.cancel()
        finally:
            CLIENT.reset(token)
            await delivery.lost()


async def _body(receive: Receive) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += bytes(message.get("body", b""))
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body"):
            return body
