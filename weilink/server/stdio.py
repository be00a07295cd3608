"""MCP over standard input and output, with nothing else on them.

Not the SDK's transport, because that does not tell when a response has reached the client.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCResponse
from mcp.types.jsonrpc import jsonrpc_message_adapter

from weilink.server.delivery import Delivery
from weilink.server.host import Host

logger = logging.getLogger(__name__)

UNREAD_AT_MOST = 5.0
"""Seconds that a client may leave a result unread before it counts as delivered: it is busy."""
LINE_BUFFER = 1 << 20
LAST_WRITE = 1.0
"""Seconds for the last responses after the client has closed its end."""

Reading = MemoryObjectReceiveStream[SessionMessage | Exception]
Writing = MemoryObjectSendStream[SessionMessage]


class Stdio:
    """The two ends of the wire, and the client behind them."""

    def __init__(self, host: Host, delivery: Delivery) -> None:
        self._host = host
        self._delivery = delivery
        self._all_written = anyio.Event()
        self._on_the_wire: set[str] = set()
        # What else in this process reads or prints, and every program it starts, must not touch
        # the wire: they get an empty input, and the log for their output.
        self._input = os.fdopen(os.dup(0), "rb", buffering=LINE_BUFFER)
        self._output = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(_open_or(2, nothing), 1)

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[tuple[Reading, Writing]]:
        """Yield what the protocol reads from and writes to, until the client closes its end."""
        to_server, reading = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        writing, from_server = anyio.create_memory_object_stream[SessionMessage](0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read, to_server, writing.clone())
            tasks.start_soon(self._write, from_server, tasks)
            yield reading, writing
            # The last responses are still being written; a client that reads takes them at once.
            with anyio.move_on_after(LAST_WRITE):
                await self._all_written.wait()
            if self._unread() == 0:
                # Not what was taken for a response that was never written.
                for request_id in list(self._on_the_wire):
                    await self._delivery.written(request_id)
            tasks.cancel_scope.cancel()

    async def _read(
        self, to_server: MemoryObjectSendStream[SessionMessage | Exception], replies: Writing
    ) -> None:
        async with to_server, replies:
            while line := await anyio.to_thread.run_sync(
                self._input.readline, abandon_on_cancel=True
            ):
                if not line.strip():
                    continue
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    logger.warning("a line on standard input is not a JSON-RPC message")
                    error = ErrorData(code=PARSE_ERROR, message="not a JSON-RPC message")
                    reply = JSONRPCError(jsonrpc="2.0", id=None, error=error)
                    await replies.send(SessionMessage(reply))
                    continue
                await to_server.send(SessionMessage(message))
            self._delivery.leaving()

    async def _write(
        self, from_server: MemoryObjectReceiveStream[SessionMessage], tasks: anyio.abc.TaskGroup
    ) -> None:
        async with from_server:
            async for item in from_server:
                message = item.message
                text = message.model_dump_json(by_alias=True, exclude_unset=True)
                try:
                    await anyio.to_thread.run_sync(
                        self._write_all, text.encode() + b"\n", abandon_on_cancel=True
                    )
                except OSError as error:
                    logger.info("the client closed its end: %s", error)
                    await self._delivery.lost()
                    break
                self._host.open_soon()
                if isinstance(message, JSONRPCResponse) and self._delivery.holds(str(message.id)):
                    self._on_the_wire.add(str(message.id))
                    tasks.start_soon(self._settle, str(message.id))
        self._all_written.set()

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._output, view) :]

    async def _settle(self, request_id: str) -> None:
        """Acknowledge what a response holds once the client has taken it off the wire."""
        pause = 0.001
        with anyio.move_on_after(UNREAD_AT_MOST):
            while self._unread():
                await anyio.sleep(pause)
                pause = min(pause * 2, 0.1)
        await self._delivery.written(request_id)
        self._on_the_wire.discard(request_id)

    def _unread(self) -> int:
        """Return how many bytes the client has not read yet; 0 where the system does not tell."""
        if sys.platform == "win32":
            return 0
        import fcntl
        import termios

        try:
            sock = stat.S_ISSOCK(os.fstat(self._output).st_mode)
            # Node.js, and so Claude Code, starts programs with a pair of sockets, others use pipes.
            answer = fcntl.ioctl(
                self._output, termios.TIOCOUTQ if sock else termios.FIONREAD, b"\0" * 4
            )
        except OSError:
            return 0
        return int.from_bytes(answer, sys.byteorder)


def _open_or(fd: int, other: int) -> int:
    try:
        os.fstat(fd)
    except OSError:
        return other
    return fd
