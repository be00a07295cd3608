"""Files of any size, moved piece by piece."""

from __future__ import annotations

import os

PIECE = 1 << 19
"""Bytes that are worth a change of thread."""
STEP = 1 << 17
"""Bytes read, encrypted and written at once: so few stay in the processor's cache."""


def write_whole(target: int, data: bytes | memoryview) -> None:
    """Write all of `data` to a file descriptor.

    Raises:
        OSError: as `os.write`; a part may have been written.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest[:STEP]) :]
