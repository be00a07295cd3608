"""The time as the store writes it."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Return the milliseconds of a clock that nobody sets, for leases.

    All processes of the computer share it. It stands still while the computer sleeps, as the
    readers do, and begins anew with each start of the computer.
    """
    return time.monotonic_ns() // 1_000_000
