"""A sandbox in a process of its own, for tests and the demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from weilink.errors import WeiLinkError
from weilink.sandbox.phone import Phone

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


class SandboxProcess:
    """A running sandbox; `phone` talks to it. Start it with `start`, end it with `stop`."""

    def __init__(self, process: subprocess.Popen[str], log: Path, phone: Phone) -> None:
        self.process = process
        self.phone = phone
        self._log = log

    @classmethod
    def start(cls, *, port: int = 0, user: str = "alice") -> SandboxProcess:
        """Start a sandbox and return when it listens.

        Raises:
            WeiLinkError: it ended, or did not listen in time; the text holds what it wrote.
        """
        # A file, not a pipe: nobody has to read it for the sandbox to go on.
        handle, name = tempfile.mkstemp(prefix="weilink-sandbox-", suffix=".log")
        log = Path(name)
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "weilink", "sandbox"),
                *("--port", str(port), "--json", "--until-stdin-closes"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=handle,
            text=True,
            encoding="utf-8",
        )
        os.close(handle)
        # The process is killed when time is over, which ends the reading of its line.
        timer = threading.Timer(_START_SECONDS, process.kill)
        timer.start()
        try:
            line = process.stdout.readline() if process.stdout else ""
        finally:
            timer.cancel()
        if not line:
            _end(process)
            text = log.read_text("utf-8").strip()
            log.unlink()
            raise WeiLinkError(f"the sandbox did not start: {text or 'it wrote nothing'}")
        return cls(process, log, Phone(json.loads(line)["base_url"], user))

    def log_text(self) -> str:
        """Return what the sandbox has written on stderr so far."""
        return self._log.read_text("utf-8")

    def stop(self) -> int:
        """End the process and return its exit code."""
        self.phone.close()
        code = _end(self.process)
        self._log.unlink(missing_ok=True)
        return code


def _end(process: subprocess.Popen[str]) -> int:
    # The end of its standard input is the gentlest order to stop, and the same on every system.
    try:
        if process.stdin is not None:
            process.stdin.close()
        return process.wait(_STOP_SECONDS)
    except (subprocess.TimeoutExpired, OSError):
        process.kill()
        return process.wait()
    finally:
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def running_sandbox(*, user: str = "alice", port: int = 0, **options: Any) -> Iterator[Phone]:
    """Run a sandbox while the block runs, with `options` set, and give a `Phone` for `user`.

    Raises:
        WeiLinkError: it did not start, or an option is unknown.
    """
    sandbox = SandboxProcess.start(port=port, user=user)
    try:
        if options:
            sandbox.phone.lab.set_options(**options)
        yield sandbox.phone
    finally:
        sandbox.stop()
