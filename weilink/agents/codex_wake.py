"""Waking Codex: which process the user sees, and how it is given a prompt from outside.

Measured with Codex 0.169.0 on Linux: by default one background server (`codex app-server
--managed-daemon`) runs the conversations and hooks of all terminals of a user, and outlives them.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass

import psutil

# Commands of the program that are no conversation in a terminal.
_OTHER = frozenset({"exec", "e", "app-server", "queue", "mcp", "mcp-server", "login", "review"})
_HOMES = ("CODEX_HOME", "HOME")


@dataclass(frozen=True)
class Place:
    """Where a conversation is shown: a process, 0 when nobody sees it.

    `alone` is true of a terminal, which shows one conversation at a time.
    """

    pid: int
    attended: bool
    alone: bool = False


def codex_place(pid: int, cwd: str, taken: Collection[int]) -> Place:
    """Return where the conversation in folder `cwd` is shown whose hooks the process `pid` runs.

    `taken` are processes that show another conversation.
    """
    try:
        runner = psutil.Process(pid)
        arguments = runner.cmdline()
        home = _home(runner)
    except (psutil.Error, ValueError):
        return Place(0, attended=False)
    if any(word in arguments[1:3] for word in ("exec", "e", "review")):
        return Place(pid, attended=False)
    if "app-server" not in arguments or "--managed-daemon" not in arguments:
        return Place(pid, attended=True)
    fronts = [process for process in psutil.process_iter() if _is_front(process, home)]
    here = [process for process in fronts if _folder(process) == cwd]
    # One that was started elsewhere and changed its folder is only taken when it must be that.
    found = here or (fronts if len(fronts) == 1 else [])
    # One that shows another conversation shows this one instead, if there is no other.
    found = [process for process in found if process.pid not in taken] or found
    newest = max(found, key=psutil.Process.create_time, default=None)
    return Place(newest.pid if newest is not None else 0, attended=True, alone=True)


def codex_daemon(pid: int) -> int:
    """Return the background server of the user whose terminal is the process `pid`; 0: none."""
    try:
        home = _home(psutil.Process(pid))
    except psutil.Error:
        return 0
    for process in psutil.process_iter():
        try:
            if (
                process.name().startswith("codex")
                and "--managed-daemon" in process.cmdline()
                and process.status() != psutil.STATUS_ZOMBIE
                and _home(process) == home
            ):
                return process.pid
        except psutil.Error:
            continue
    return 0


def queue_command(pid: int, session: str, text: str) -> tuple[list[str], dict[str, str]] | None:
    """Return the command that gives `text` to a conversation shown by `pid`, and its environment.

    `None`: the program is not to be found.
    """
    try:
        process = psutil.Process(pid)
        program, environment = process.exe(), process.environ()
    except psutil.Error:
        return None
    if program.endswith(" (deleted)") or not program:
        # Updated meanwhile.
        program = shutil.which("codex", path=environment.get("PATH")) or ""
    if not program:
        return None
    return [program, "queue", "--thread", session, "--message", text], environment


def _is_front(process: psutil.Process, home: dict[str, str | None]) -> bool:
    try:
        with process.oneshot():
            # Not by its terminal: psutil remembers those that were there when it first looked.
            if not process.name().startswith("codex"):
                return False
            words = process.cmdline()[1:]
            command = next((word for word in words if not word.startswith("-")), "")
            return command not in _OTHER and _home(process) == home
    except psutil.Error:
        return False


def _home(process: psutil.Process) -> dict[str, str | None]:
    environment = process.environ()
    return {name: environment.get(name) for name in _HOMES}


def _folder(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:
        return ""
