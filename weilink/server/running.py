"""The server processes of `weilink mcp`: what runs in them, and how they end."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import anyio
import anyio.abc

from weilink.i18n import t
from weilink.server.delivery import CLIENT, Delivery
from weilink.server.host import Host
from weilink.server.mcp import WeiLinkServer
from weilink.settings import Settings

logger = logging.getLogger(__name__)

ADMIN_RETRY = 5.0
"""Seconds between two tries of a stdio server to get the admin port: of several servers one has
it, and when that ends another takes over."""


Transport = Literal["stdio", "sse", "streamable-http"]


@dataclass(frozen=True)
class Options:
    """How to serve."""

    transport: Transport = "stdio"
    host: str = "127.0.0.1"
    port: int = 8000
    admin_port: int | None = None
    banner: bool = True


async def serve_stdio(settings: Settings, options: Options) -> None:
    """Serve one client until it closes standard input, or SIGTERM or Ctrl-C."""
    from weilink.server.stdio import Stdio

    delivery = Delivery()
    CLIENT.set(delivery)
    host = Host(settings)
    server = WeiLinkServer(host)
    wire = Stdio(host, delivery)
    if options.banner:
        _say(t("WeiLink serves MCP on standard input and output; base path {path}.",
               path=settings.base_path))  # fmt: skip
    async with host.running():
        try:
            async with anyio.create_task_group() as tasks:

                def end() -> None:
                    delivery.leaving()
                    tasks.cancel_scope.cancel()

                tasks.start_soon(_on_signal, end)
                if options.admin_port is not None:
                    tasks.start_soon(_serve_admin_when_free, host, options)
                async with wire.streams() as (reads, writes):
                    setup = server.protocol.create_initialization_options()
                    await server.protocol.run(reads, writes, setup)
                tasks.cancel_scope.cancel()
        finally:
            # While the service is still there: nothing stays claimed.
            await delivery.lost()


async def _serve_admin_when_free(host: Host, options: Options) -> None:
    await host.service()
    from weilink.errors import WeiLinkError
    from weilink.server.http import listen, url_of
    from weilink.server.pages import admin_app, admin_server

    told = False
    assert options.admin_port is not None  # noqa: S101
    while True:
        try:
            listener = listen(options.host, options.admin_port)
        except WeiLinkError as error:
            if not told:
                logger.warning("admin panel: %s; this server takes it when it gets free", error)
                told = True
            await anyio.sleep(ADMIN_RETRY)
            continue
        logger.info("admin panel at %s", url_of(listener, options.host))
        await admin_server(admin_app(host), listener, options.host).run()


async def serve_http(settings: Settings, options: Options) -> None:
    """Serve many clients until SIGTERM or Ctrl-C.

    Raises:
        UsageError: others could connect, and there is no token.
        WeiLinkError: the address cannot be had, or the service cannot be opened.
    """
    from weilink.server.guard import check_exposure
    from weilink.server.http import MCP_PATH, SSE_PATH, HttpServer, listen, mcp_app, url_of
    from weilink.server.pages import admin_app, admin_server

    token = _token(settings)
    check_exposure(options.host, token)
    host = Host(settings)
    listener = listen(options.host, options.port)
    admin = None if options.admin_port is None else listen(options.host, options.admin_port)
    path = SSE_PATH if options.transport == "sse" else MCP_PATH
    async with host.running():
        await host.service()
        stopped = anyio.Event()
        async with (
            mcp_app(WeiLinkServer(host)) as app,
            anyio.create_task_group() as tasks,
        ):
            servers = [HttpServer(app, listener, options.host, token)]
            panel = None
            if admin is not None:
                panel = admin_app(host)
                servers.append(admin_server(panel, admin, options.host))
            tasks.start_soon(_on_signal, stopped.set)
            for server in servers:
                tasks.start_soon(server.run)
            if options.banner:
                _say(t("WeiLink serves MCP at {url}; base path {path}. Ctrl-C ends it.",
                       url=url_of(listener, options.host) + path,
                       path=settings.base_path))  # fmt: skip
                if admin is not None:
                    _say(t("Admin panel at {url}.", url=url_of(admin, options.host)))
            await stopped.wait()
            for server in servers:
                server.stop()
            if panel is not None:
                panel.end()
            app.end()


def _token(settings: Settings) -> str | None:
    return settings.token.get_secret_value() if settings.token else None


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


async def _on_signal(end: Callable[[], object]) -> None:
    if sys.platform == "win32":
        return
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            end()
            return


def run(settings: Settings, options: Options) -> None:
    """Serve, and end the process."""
    serve = serve_stdio if options.transport == "stdio" else serve_http
    code = 0
    try:
        anyio.run(serve, settings, options)
    except KeyboardInterrupt:
        code = 130
    # Everything is closed by now. A thread may still wait for stdin and would keep the process
    # alive for ever; and taking the interpreter apart takes half a second, which somebody who
    # pressed Ctrl-C, or the next server on the port, would wait.
    logging.shutdown()
    os._exit(code)
