"""Servers that stand by themselves: a service of their own, one listener or two, until a signal."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Container
from dataclasses import dataclass

import anyio
from starlette.types import ASGIApp

from weilink.server.host import Host
from weilink.server.http import HttpServer, listen, url_of
from weilink.settings import Settings
from weilink.web import EndingApp


@dataclass(frozen=True)
class Face:
    """What to serve where.

    Attributes:
        app: makes the application of a host, guarded by itself; gets the URL it will be at.
        started: told the URL once it listens.
        streams: paths where the application itself limits what a request brings.
    """

    app: Callable[[Host, str], ASGIApp]
    host: str
    port: int
    started: Callable[[str], None]
    streams: Container[str] = ()


async def serve(settings: Settings, *faces: Face) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        WeiLinkError: an address cannot be had, or the service cannot be opened.
    """
    listeners: list[socket.socket] = []
    try:
        for face in faces:
            listeners.append(listen(face.host, face.port))
        host = Host(settings)
        async with host.running():
            await host.service()
            await _serve(host, faces, listeners)
    finally:
        for listener in listeners:
            listener.close()


async def _serve(host: Host, faces: tuple[Face, ...], listeners: list[socket.socket]) -> None:
    stopped = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_until_signal, stopped)
        servers = []
        for face, listener in zip(faces, listeners, strict=True):
            url = url_of(listener, face.host)
            app = EndingApp(face.app(host, url))
            server = HttpServer(app, listener, face.host, None, face.streams)
            servers.append((server, app))
            tasks.start_soon(server.run)
            face.started(url)
        await stopped.wait()
        for server, app in servers:
            server.stop()
            app.end()  # requests that are held for news, too


async def _until_signal(stopped: anyio.Event) -> None:
    if sys.platform == "win32":
        return  # Ctrl-C interrupts the event loop there.
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            stopped.set()
            return
