"""The last lines of the log of all processes of a base path, for the panel."""

from __future__ import annotations

import calendar
import os
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from weilink.logs import LINE, MORE, NAME, old

KEPT = 1000
_AT_ONCE = 512 * 1024
"""Bytes that are read of what is new; of more, the last ones."""


@dataclass
class Line:
    """One record; `n` counts them, `who` is the command and the id of its process."""

    n: int
    at_ms: int
    level: str
    who: str
    name: str
    text: str


class LogTail:
    """Keeps the newest lines, and reads on when it is asked. Blocks: call it in a thread."""

    def __init__(self, base_path: Path) -> None:
        self._path = base_path / "run" / NAME
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._count = 0
        self._file: tuple[int, int] | None = None
        self._read_to = 0
        self._rest = b""
        self._one_at_a_time = threading.Lock()

    def after(self, n: int) -> list[dict[str, Any]]:
        """Return the lines after the one numbered `n`, oldest first."""
        with self._one_at_a_time:
            self._read_on()
            return [asdict(line) for line in self._lines if line.n > n]

    def _read_on(self) -> None:
        before = old(self._path)
        current = _identity(self._path)
        if self._file is None:
            self._read(before)
            self._read_to, self._rest = 0, b""
        elif current != self._file:
            # A new one is started: the end of the one that was read so far is in the old one.
            if _identity(before) == self._file:
                self._read(before)
            if current is None:
                return
            self._read_to, self._rest = 0, b""
        self._read(self._path)

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_size < self._read_to:  # somebody emptied it
                    self._read_to, self._rest = 0, b""
                begin = max(self._read_to, found.st_size - _AT_ONCE)
                file.seek(begin)
                data = file.read(_AT_ONCE)
        except OSError:
            return
        self._file, read_to = (found.st_dev, found.st_ino), begin + len(data)
        if begin > self._read_to:
            data, self._rest = data.partition(b"\n")[2], b""
        whole, _, self._rest = (self._rest + data).rpartition(b"\n")
        self._read_to = read_to
        for line in whole.decode("utf-8", "replace").split("\n") if whole else ():
            self._take(line)

    def _take(self, line: str) -> None:
        if found := LINE.fullmatch(line):
            when, milliseconds, level, command, pid, name, text = found.groups()
            seconds = calendar.timegm(time.strptime(when, "%Y-%m-%dT%H:%M:%S"))
            self._count += 1
            who = f"{command} {pid}"
            at_ms = seconds * 1000 + int(milliseconds)
            self._lines.append(Line(self._count, at_ms, level, who, name, text))
        elif self._lines and line.startswith(MORE):
            self._lines[-1].text += "\n" + line.removeprefix(MORE)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
