"""Learning that another process changed the data, without asking for it over and over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from watchfiles import Change, awatch

# A change is passed on at once, then collected for this long (ms): many small commits make few
# notices, and the first of them is not late.
_STEP = 10
_DEBOUNCE = 50


async def watch(base_path: Path, stop: anyio.Event) -> AsyncIterator[None]:
    """Yield whenever the database or a bot session under `base_path` may have changed.

    Other files (downloads, backups) do not count. The watch ends when `stop` is set. It runs in
    a thread that a cancellation alone would not reach for seconds.
    """
    names = {"weilink.db", "weilink.db-wal", "token.json"}

    def wanted(change: Change, path: str) -> bool:
        return Path(path).name in names

    async for _ in awatch(
        base_path, watch_filter=wanted, step=_STEP, debounce=_DEBOUNCE, stop_event=stop
    ):
        yield
