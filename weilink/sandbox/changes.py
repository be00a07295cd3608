"""Waiting for the sandbox to change, and the sandbox's own clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


class Changes:
    """Wakes every waiter when anything in the sandbox has changed.

    `version` grows by one with each change, so that a client can ask for "newer than this".
    """

    def __init__(self) -> None:
        self.version = 1
        self.closed = False
        self._event: anyio.Event | None = None

    def notify(self) -> None:
        """Tell the waiters that something has changed."""
        self.version += 1
        event, self._event = self._event, None
        if event is not None:
            event.set()

    def close(self) -> None:
        """End every wait at once, those to come too: the sandbox is going down."""
        self.closed = True
        self.notify()

    async def until(self, ready: Callable[[], T], seconds: Callable[[], float]) -> T:
        """Return what `ready` returns as soon as it is true, or its last value when time is over.

        `seconds` is asked again after each change, so that a shorter poll time takes effect in
        polls that are already held.
        """
        started = time.monotonic()
        while True:
            found = ready()
            left = started + seconds() - time.monotonic()
            if found or left <= 0 or self.closed:
                return found
            if self._event is None:
                self._event = anyio.Event()
            with anyio.move_on_after(left):
                await self._event.wait()


class Clock:
    """Unix time that can be moved, for everything in the sandbox that expires."""

    def __init__(self) -> None:
        self.offset_ms = 0

    def now_ms(self) -> int:
        """Return the sandbox's time in milliseconds."""
        return int(time.time() * 1000) + self.offset_ms
