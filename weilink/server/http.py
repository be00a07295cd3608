"""MCP over HTTP: the streamable transport at `/mcp`, the older SSE transport at `/sse`."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from types import TracebackType

import anyio
import uvicorn
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.message import SessionMessage
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

import weilink
from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.server.delivery import DeliveringApp
from weilink.server.endpoint import QuietServer
from weilink.server.guard import BODY_LIMIT, Guard
from weilink.server.mcp import WeiLinkServer

logger = logging.getLogger(__name__)

MCP_PATH = "/mcp"
SSE_PATH = "/sse"
MESSAGES_PATH = "/messages/"
KEEP_ALIVE = 60
LAST_RESPONSES = 1
"""Seconds for responses that are under way when the server ends."""


class _ThisContext:
    """The messages of a connection, without the contexts of the requests that brought them.

    An SSE client posts each message in a request of its own, and is answered on the connection:
    what a tool hands out is delivered there (`weilink.server.delivery.CLIENT`).
    """

    def __init__(self, stream: AsyncIterator[SessionMessage | Exception]) -> None:
        self._stream = stream

    async def receive(self) -> SessionMessage | Exception:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    def __aiter__(self) -> _ThisContext:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return await self._stream.__anext__()

    async def aclose(self) -> None:
        pass

    async def __aenter__(self) -> _ThisContext:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


class _SseEndpoint:
    """`GET /sse`: one connection of one client."""

    def __init__(self, server: WeiLinkServer, transport: SseServerTransport) -> None:
        self._protocol = server.protocol
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        options = self._protocol.create_initialization_options()
        async with self._transport.connect_sse(scope, receive, send) as (reads, writes):
            await self._protocol.run(_ThisContext(reads), writes, options)


class _StreamableEndpoint:
    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(scope, receive, send)


@asynccontextmanager
async def mcp_app(server: WeiLinkServer) -> AsyncIterator[DeliveringApp]:
    """Yield the ASGI app of both transports; it can be mounted beside other pages."""
    manager = StreamableHTTPSessionManager(server.protocol, max_request_body_size=BODY_LIMIT)
    transport = SseServerTransport(MESSAGES_PATH, max_request_body_size=BODY_LIMIT)

    async def status(request: Request) -> PlainTextResponse:
        return PlainTextResponse(
            f"WeiLink {weilink.__version__}\nMCP: {MCP_PATH} (streamable HTTP), {SSE_PATH} (SSE)\n"
        )

    app = Starlette(
        routes=[
            Route("/", status),
            Route(MCP_PATH, _StreamableEndpoint(manager)),
            Route(SSE_PATH, _SseEndpoint(server, transport), methods=["GET"]),
            Mount(MESSAGES_PATH, transport.handle_post_message),
        ]
    )
    async with manager.run():
        yield DeliveringApp(app)


def listen(host: str, port: int) -> socket.socket:
    """Return a listener.

    Raises:
        WeiLinkError: the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise WeiLinkError(_cannot_listen(host, port, error)) from None
    try:
        # Without it a restarted server would have to wait for the old connections. On Windows
        # it would let two servers share the port.
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise WeiLinkError(_cannot_listen(host, port, error)) from None
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    return t(
        "cannot listen on {host} port {port} ({reason}); choose another --port, or --port 0 for "
        "any that is free",
        host=host,
        port=port,
        reason=error.strerror or str(error),
    )


def url_of(listener: socket.socket, host: str) -> str:
    """Return the URL at which clients on this computer, or of `host`, reach a listener."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


class HttpServer:
    """An app, guarded, on a listener."""

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        host: str,
        token: str | None,
        streams: Container[str] = (),
    ) -> None:
        self._listener = listener
        self._server = QuietServer(
            uvicorn.Config(
                Guard(app, host, token, streams),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=LAST_RESPONSES,
            )
        )

    async def run(self) -> None:
        """Serve until `stop` is called, and answer what is under way then."""
        with self._listener:
            await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """End `run`."""
        self._server.should_exit = True
