"""Listening on loopback and serving until told to stop."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import anyio
import uvicorn

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.sandbox.app import build
from weilink.sandbox.connections import TrackedProtocol
from weilink.sandbox.world import World

_HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    """Ends the held polls when it is told to stop, and leaves the exit code to its caller."""

    def __init__(
        self, config: uvicorn.Config, world: World, started: Callable[[World], None]
    ) -> None:
        super().__init__(config)
        self._world = world
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell so; from here on a signal ends the process cleanly."""
        await super().startup(sockets)
        self._started(self._world)

    def stop(self) -> None:
        """Stop from the event loop's thread."""
        self.should_exit = True
        self._world.changes.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop on a signal; a second Ctrl-C does not wait for connections."""
        # Not passed on to uvicorn, which would raise the signal again at the end: told to stop,
        # a sandbox that stops has done what it should.
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.stop()


def _listen(port: int) -> socket.socket:
    # The protocol is named because asyncio turns off Nagle's delay only where it is.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # On Windows the option would let two servers share the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise WeiLinkError(
                t(
                    "Port {port} is taken or not allowed; choose another with --port, "
                    "or --port 0 for any free one.",
                    port=port,
                )
            ) from None
        raise
    return listener


def serve(port: int, started: Callable[[World], None], *, until_stdin_closes: bool = False) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM; `started` is called once it listens.

    With `until_stdin_closes` it also stops at the end of standard input, so that it does not
    outlive a parent that was killed.

    Raises:
        WeiLinkError: the port cannot be had.
    """
    listener = _listen(port)
    world = World(f"http://{_HOST}:{listener.getsockname()[1]}")
    config = uvicorn.Config(
        build(world),
        http=TrackedProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,  # Its lines hold the query, and so login and download secrets.
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, world, started)

    async def main() -> None:
        if until_stdin_closes:
            _stop_at_end_of_stdin(server)
        await server.serve([listener])

    anyio.run(main)


def _stop_at_end_of_stdin(server: _Server) -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        # Not through sys.stdin: its lock, held by a waiting thread, breaks the interpreter's end.
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(server.stop)

    threading.Thread(target=read, name="end of stdin", daemon=True).start()
