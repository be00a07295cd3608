"""Logging of every WeiLink process: to stderr, never with secrets."""

from __future__ import annotations

import logging
import sys

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


def configure(level: str) -> None:
    """Send the log of this process to stderr at `level`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
