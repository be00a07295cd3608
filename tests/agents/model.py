"""A model on loopback that remembers what it was asked and says what a test tells it to.

It speaks Anthropic Messages and OpenAI Responses, so the real Claude Code and the real Codex run
against it without an account. What arrives here is what "reached the model" means in our tests.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.agents.wire import (
    Call,
    Fail,
    Reply,
    Request,
    Say,
    anthropic_events,
    anthropic_message,
    responses_events,
)

__all__ = ["Call", "Fail", "Model", "Reply", "Request", "Say"]

KEY = "sk-weilink-tests-0123456789abcdefghij"


class Model:
    """The endpoint; a context manager that serves while it is open.

    Answers come from ``script`` (one for each request of a turn, in order), then from
    ``respond``, which a test may replace by a function of the request. That runs in a thread of
    its own, so it may block to hold a turn open, with a deadline. Helper requests
    (``Request.main`` is false) are always answered "ok".
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        """Every request to the model so far, in the order of arrival."""
        self.other: list[str] = []
        """Method and path of all else that was asked."""
        self.respond: Callable[[Request], Reply] = lambda request: Say()
        self._script: deque[Reply] = deque()
        self._changed = threading.Condition()
        self._last: dict[tuple[str, bool], Request] = {}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self._application(),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def turns(self) -> list[Request]:
        """The requests that are turns of an agent."""
        return [request for request in self.requests if request.main]

    def script(self, *replies: Reply) -> None:
        """Answer the next requests of turns with these, in order."""
        with self._changed:
            self._script.extend(replies)

    def wait_for(
        self, predicate: Callable[[Request], bool], deadline: float = 20, after: int = 0
    ) -> Request:
        """The first turn for which the predicate is true, waiting for it to arrive.

        Args:
            deadline: Seconds from now.
            after: How many turns to pass over, e.g. ``len(model.turns)`` taken before an action.

        Raises:
            TimeoutError: None came; lists what did.
        """
        end = time.monotonic() + deadline
        seen = after
        with self._changed:
            while True:
                turns = self.turns
                for request in turns[seen:]:
                    if predicate(request):
                        return request
                seen = max(seen, len(turns))
                left = end - time.monotonic()
                if left <= 0:
                    came = [request.new_text[-300:] for request in turns[after:]]
                    raise TimeoutError(f"no such request in {deadline} s; there were {came}")
                self._changed.wait(left)

    def wait_for_text(self, text: str, deadline: float = 20, after: int = 0) -> Request:
        """The first turn whose new text holds this text."""
        return self.wait_for(lambda request: text in request.new_text, deadline, after)

    def __enter__(self) -> Model:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def _application(self) -> Starlette:
        posts = {
            "/v1/messages": self._messages,
            "/v1/messages/count_tokens": self._count,
            "/v1/responses": self._responses,
        }
        routes = [Route(path, handler, methods=["POST"]) for path, handler in posts.items()]
        every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        routes.append(Route("/{path:path}", self._rest, methods=every))
        return Starlette(routes=routes)

    async def _reply(self, http: HttpRequest) -> tuple[Request, Reply]:
        body = json.loads(await http.body())
        request = Request(http.url.path, dict(http.headers), body, time.monotonic())
        key = (request.session, request.main)
        with self._changed:
            request.former = self._last.get(key)
            self._last[key] = request
            self.requests.append(request)
            self._changed.notify_all()
            if not request.main:
                return request, Say()
            if self._script:
                return request, self._script.popleft()
        return request, await anyio.to_thread.run_sync(
            self.respond, request, abandon_on_cancel=True
        )

    async def _messages(self, http: HttpRequest) -> Response:
        request, reply = await self._reply(http)
        if isinstance(reply, Fail):
            return _failure(reply)
        name = str(request.body.get("model", "model"))
        if request.body.get("stream"):
            return _stream(anthropic_events(reply, name))
        return JSONResponse(anthropic_message(reply, name))

    async def _responses(self, http: HttpRequest) -> Response:
        request, reply = await self._reply(http)
        if isinstance(reply, Fail):
            return _failure(reply)
        return _stream(responses_events(reply, request))

    async def _count(self, http: HttpRequest) -> Response:
        return JSONResponse({"input_tokens": len(await http.body()) // 4})

    async def _rest(self, http: HttpRequest) -> Response:
        self.other.append(f"{http.method} {http.url.path}")
        return _failure(Fail(404, "not found"))


def _failure(fail: Fail) -> Response:
    error = {"type": "api_error", "message": fail.message}
    return JSONResponse({"type": "error", "error": error}, fail.status)


def _stream(events: Iterator[str]) -> Response:
    return StreamingResponse(events, media_type="text/event-stream")
