"""What stands between the wire and the endpoints: the requests log, and faults."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weilink.sandbox.connections import drop
from weilink.sandbox.faults import TRANSPORT, Rule
from weilink.sandbox.world import World

# The key in an ASGI scope under which the fault that struck is noted for the log.
FAULT = "sandbox.fault"
_LOGGED = 20_000  # bytes of a body


def _client_side(scope: Scope) -> bool:
    path: str = scope.get("path", "")
    return scope["type"] == "http" and path.startswith(("/ilink/", "/c2c/"))


class _Body:
    """The beginning of a body, and its size."""

    def __init__(self) -> None:
        self._start = bytearray()
        self._size = 0

    def add(self, message: Message) -> None:
        chunk = message.get("body", b"")
        self._size += len(chunk)
        if self._size <= _LOGGED:
            self._start += chunk

    def readable(self) -> Any:
        """Return its JSON, or how long it was."""
        if self._size == len(self._start):
            with suppress(ValueError):
                return json.loads(self._start)
        return f"{self._size} bytes" if self._size else None


class Recorder:
    """Writes every request of a client into the journal when it has been answered."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and write it down."""
        if not _client_side(scope):
            await self._app(scope, receive, send)
            return
        at_ms, started = self._world.clock.now_ms(), time.monotonic()
        request, answer, status = _Body(), _Body(), None

        async def read() -> Message:
            message = await receive()
            request.add(message)
            return message

        async def write(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            answer.add(message)
            await send(message)

        try:
            await self._app(scope, read, write)
        except ClientDisconnect:
            # Nobody saw an answer, and nothing is wrong with the sandbox.
            answer, status = _Body(), None
        finally:
            if status in (404, 405) and scope["path"].startswith("/ilink/"):
                self._world.journal.violation(scope["path"], "there is no such endpoint")
            self._world.journal.request(
                at_ms=at_ms,
                method=scope["method"],
                path=scope["path"],
                query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
                body=request.readable(),
                status=status,
                answer=answer.readable(),
                fault=scope.get(FAULT, ""),
                seconds=time.monotonic() - started,
            )
            self._world.changes.notify()


class FaultLayer:
    """Lets the rules in force strike the requests of clients."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or do to it what a rule says."""
        rule = None
        if _client_side(scope):
            rule = self._world.faults.take(scope["path"], TRANSPORT)
            if rule is not None and rule.kind == "delay":
                scope[FAULT] = "delay"
                await anyio.sleep(rule.value)
                rule = self._world.faults.take(scope["path"], TRANSPORT[1:])
        if rule is None:
            await self._app(scope, receive, send)
            return
        scope[FAULT] = rule.kind
        messages: list[Message] = []
        if rule.work or rule.kind == "half":

            async def keep(message: Message) -> None:
                messages.append(message)

            await self._app(scope, receive, keep)
        await self._strike(rule, messages, scope, receive, send)

    async def _strike(
        self, rule: Rule, messages: list[Message], scope: Scope, receive: Receive, send: Send
    ) -> None:
        if rule.kind == "drop":
            await drop(scope, receive)
        elif rule.kind == "half":
            body = b"".join(message.get("body", b"") for message in messages)
            if messages:
                await send(messages[0])
                half = body[: len(body) // 2]
                await send({"type": "http.response.body", "body": half, "more_body": True})
            await drop(scope, receive)
        elif rule.kind == "status":
            # Gateways answer in HTML.
            page = f"<html><body><h1>{rule.value}</h1></body></html>"
            await PlainTextResponse(page, rule.value, media_type="text/html")(scope, receive, send)
        elif rule.kind == "bad_json":
            cut = Response(b'{"ret":0,"msgs":[{"mess', media_type="application/json")
            await cut(scope, receive, send)
        else:
            text = json.dumps(rule.value)
            await Response(text, media_type="application/json")(scope, receive, send)
