"""What a person types, waited for in a way that never holds up the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Iterator


class TypedLines:
    """The lines of standard input, a terminal or a pipe, one after the other.

    Waiting for one can be cancelled, also on Windows. A thread in `input()` could not be left
    alone: the interpreter would wait for it, or stop with a fatal error since it holds the lock
    of `sys.stdin`. So a thread of our own, which may die with the process, reads past that.
    """

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def next(self) -> str | None:
        """Return the next line without its end, `None` when there will be none."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._read, name="typed lines", daemon=True).start()
        line = await self._lines.get()
        if line is None:
            self._lines.put_nowait(None)
        return line

    def _read(self) -> None:
        for line in _lines():
            if not self._give(line):
                return
        self._give(None)

    def _give(self, line: str | None) -> bool:
        # The loop is closed when nobody waits any more.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
                return True
        return False


def _lines() -> Iterator[str]:
    try:
        number = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return  # closed, or not there
    rest = b""
    while True:
        try:
            data = os.read(number, 4096)
        except OSError:
            data = b""
        if not data:
            break
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")
