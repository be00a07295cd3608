"""Running programs in a clean environment, and ending all they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """A program that has ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float


class Home:
    """A home folder and a working folder of its own for one agent.

    All processes that run with this home are ours, and ``end_all`` ends them: also hooks and
    servers that the agent put into process groups of their own.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "home"
        self.work = folder / "work"
        self.path.mkdir(parents=True, mode=0o700)
        self.work.mkdir()
        self.temporary = folder / "tmp"
        self.temporary.mkdir()

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a program gets to see; nothing of ours but PATH."""
        return {
            "HOME": str(self.path),
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.temporary),
            "TERM": "xterm-256color",
            "NO_PROXY": "127.0.0.1,localhost",
            **(extra or {}),
        }

    def run(
        self, command: Sequence[str], env: Mapping[str, str], timeout: float, cwd: Path | None
    ) -> Run:
        """Run a command to its end, with no input.

        Raises:
            subprocess.TimeoutExpired: It took longer; it is dead, with its children.
        """
        start = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=cwd or self.work,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                kill_group(process.pid)
                process.communicate()
                raise
        return Run(process.returncode, out, err, time.monotonic() - start)

    def processes(self) -> list[int]:
        """The ids of the living processes that run with this home (Linux; elsewhere none)."""
        mark = f"HOME={self.path}".encode()
        found: list[int] = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in environment:
                found.append(int(entry.name))
        return found

    def end_all(self) -> None:
        """Kill every process that still runs with this home."""
        deadline = time.monotonic() + 5
        while (left := self.processes()) and time.monotonic() < deadline:
            for pid in left:
                try:
                    descriptor = os.pidfd_open(pid)
                except OSError:
                    continue
                try:
                    # The descriptor pins the process: the id cannot have gone to another one.
                    if pid in self.processes():
                        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                finally:
                    os.close(descriptor)


def kill_group(pid: int) -> None:
    """Kill the process group that this process leads; nothing when it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
