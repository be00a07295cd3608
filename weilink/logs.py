"""Logging of every WeiLink process: to stderr, and to one file for all; never with secrets.

The file is `run/weilink.log` under the base path: agents start servers whose stderr nobody sees.
Every line is one append, so that processes do not mix theirs, and no process keeps the file open,
so that any of them may start a new one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from pathlib import Path

# These log addresses and headers of their requests, and ours carry tokens.
_TALKATIVE = (
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "uvicorn",
    "watchfiles",
    "filelock",
    "mcp",
    "sse_starlette",
)
NAME = "weilink.log"
MOST_BYTES = 2 * 1024 * 1024
"""When the file is longer it becomes the old one, and the old one before it is gone."""
LINE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z ([A-Z]+) ([^\s\[\]]*)\[(\d+)\] (\S+): (.*)"
)
"""One line: time, milliseconds, level, command, process id, logger, text."""
MORE = "    "
"""What a line begins with that goes on with the one before it. No text can forge a line."""


def configure(level: str, *, base_path: Path | None = None, kept: str = "", name: str = "") -> None:
    """Send the log of this process to stderr at `level`, and to the file at `kept`.

    Args:
        level: of stderr.
        base_path: where the file is; `None` for none. A folder that is not there is not made.
        kept: level of the file, by default that of stderr.
        name: the command, to tell processes apart.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    if base_path is not None:
        file = SharedFile(base_path, name)
        file.setLevel(kept or level)
        root.addHandler(file)
        root.setLevel(min(file.level, handler.level))
    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)


class SharedFile(logging.Handler):
    """Appends to the log of a base path. What cannot be written is left out: stderr has it."""

    def __init__(self, base_path: Path, name: str) -> None:
        super().__init__()
        self._base_path = base_path
        self._path = base_path / "run" / NAME
        form = f"%(asctime)s.%(msecs)03dZ %(levelname)s {name}[%(process)d] %(name)s: %(message)s"
        formatter = logging.Formatter(form, "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record."""
        try:
            lines = self.format(record).splitlines()
            text = f"\n{MORE}".join(lines) + "\n"
            self._append(text.encode("utf-8", "backslashreplace"))
        except OSError:
            pass
        except Exception:  # noqa: BLE001  (as every handler: a bad format ends no request)
            self.handleError(record)

    def _append(self, data: bytes) -> None:
        if not self._base_path.is_dir():
            return
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.write(descriptor, data)
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        if size > MOST_BYTES:
            self._start_new()

    def _start_new(self) -> None:
        from filelock import FileLock, Timeout

        with contextlib.suppress(Timeout):
            lock = FileLock(f"{self._path}.lock", timeout=0, mode=0o600, thread_local=False)
            with lock:
                # Another process may have done it a moment ago.
                if self._path.stat().st_size > MOST_BYTES:
                    self._path.replace(old(self._path))


def old(path: Path) -> Path:
    """Return where the log before the one at `path` is."""
    return path.with_name(f"{path.name}.1")
