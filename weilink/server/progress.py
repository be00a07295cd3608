"""Progress notifications of transfers."""

from __future__ import annotations

from typing import Any

import anyio
from mcp.server.mcpserver import Context

EVERY = 0.25
"""Seconds between two notifications."""


class Progress:
    """Tells the client how far a transfer is: call it with the bytes done and in all.

    `report` sends the notifications while the transfer runs, and never more than a few a second.
    """

    def __init__(self, ctx: Context[Any, Any], what: str) -> None:
        self._ctx = ctx
        self._what = what
        self._changed = anyio.Event()
        self._done = 0
        self._total = 0

    def __call__(self, done: int, total: int) -> None:
        """Note how far it is."""
        self._done, self._total = done, total
        self._changed.set()

    async def report(self) -> None:
        """Send notifications until cancelled."""
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            text = f"{self._what}: {self._done:,} of {self._total:,} bytes"
            await self._ctx.report_progress(self._done, self._total, text)
            await anyio.sleep(EVERY)
