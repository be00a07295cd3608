"""The bytes of one stored file, in memory while it is small: a film of 1 GiB is not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

MEMORY = 32 * 1024 * 1024
"""Bytes up to which a file stays in memory; a larger one is in a temporary file without a name."""
_PIECE = 128 * 1024


class Content:
    """A file that is written once, from its beginning to its end, and then read by one thread."""

    def __init__(self, data: bytes = b"") -> None:
        # Written in large pieces: the small ones that the network brings cost a call each.
        self._file = tempfile.SpooledTemporaryFile(MEMORY, buffering=2 * _PIECE)  # noqa: SIM115
        self.size = 0
        self.add(data)

    def add(self, data: bytes) -> None:
        """Put `data` at the end."""
        self._file.write(data)
        self.size += len(data)

    def pieces(self) -> Iterator[bytes]:
        """Give the file from its beginning, piece by piece; several may read at once."""
        for at in range(0, self.size, _PIECE):
            self._file.seek(at)
            yield self._file.read(_PIECE)

    def whole(self) -> bytes:
        """Return all bytes."""
        return b"".join(self.pieces())
