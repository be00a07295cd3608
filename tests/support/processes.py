"""Finding the processes of an agent by what they were started as."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.agents.processes import Home


def waiting_hooks(home: Home) -> list[int]:
    """Return the hooks that wait in the background of the agents of a home."""
    return [
        pid
        for pid, words in _commands(home)
        if b"wait" in words and any(word.endswith(b"weilink_hook.py") for word in words)
    ]


def asking_hooks(home: Home) -> list[int]:
    """Return the hooks that the agents of a home wait for, and that have asked the server."""
    return [
        pid
        for pid, words in _commands(home)
        if b"wait" not in words
        and any(word.endswith(b"weilink_hook.py") for word in words)
        and any(c.status == "ESTABLISHED" for c in psutil.Process(pid).net_connections())
    ]


def codex_daemons(home: Home) -> list[int]:
    """Return the background servers of Codex."""
    return [pid for pid, words in _commands(home) if b"--managed-daemon" in words]


def _commands(home: Home) -> list[tuple[int, list[bytes]]]:
    found = []
    for pid in sorted(home.processes()):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # A shell that has one of these words in its text is none of them.
        found.append((pid, words if len(words) > 3 and words[1] != b"-c" else []))
    return found
