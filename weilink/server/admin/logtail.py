"""The last lines of this process's log, for the panel."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

KEPT = 1000


@dataclass(frozen=True)
class Line:
    """One line; `n` counts them."""

    n: int
    at_ms: int
    level: str
    name: str
    text: str


class LogTail(logging.Handler):
    """Keeps the newest lines."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  (as logging itself: a bad format ends no request)
            text = str(record.msg)
        if record.exc_info and record.exc_info[0] is not None:
            text += f" ({record.exc_info[0].__name__}: {record.exc_info[1]})"
        self._count += 1
        at_ms = int(record.created * 1000)
        self._lines.append(Line(self._count, at_ms, record.levelname, record.name, text))

    def after(self, n: int) -> list[dict[str, Any]]:
        """Return the lines after the one numbered `n`, oldest first."""
        return [asdict(line) for line in list(self._lines) if line.n > n]


@cache
def tail() -> LogTail:
    """Return this process's tail; it listens from the first call on."""
    made = LogTail()
    logging.getLogger().addHandler(made)
    return made
