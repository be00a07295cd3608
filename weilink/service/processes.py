"""Whether the process of an agent is still there, and still the same."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil


def started(pid: int) -> float:
    """Return a number that tells the process `pid` from another one with its id; 0.0: none.

    Only good for comparing: it does not change when the clock of the computer is set.
    """
    if pid <= 0:
        return 0.0
    if sys.platform == "linux":
        try:
            line = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        except OSError:
            return 0.0
        # Behind the name, which may hold anything, a closing bracket too.
        fields = line.rpartition(")")[2].split()
        return 0.0 if fields[0] in ("Z", "X") else float(fields[19]) + 1
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return 0.0
        return process.create_time()
    except psutil.Error:
        return 0.0


def stopped(pid: int) -> bool:
    """Return whether the process `pid` is there and stands still, as after Ctrl-Z."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def alive(pid: int, since: float) -> bool:
    """Return whether the process `pid` that `started` told as `since` is still there."""
    return since > 0 and started(pid) == since
