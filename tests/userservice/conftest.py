"""A systemd of its own for a test: a real one, with a user's home and runtime folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DEADLINE = 60.0
# A user's systemd starts only where the system was booted by one. In a mount namespace of ours
# the folder by which it knows that is there, and nobody else sees it.
START = """
mount -t tmpfs none /run && mkdir -p /run/systemd/system
exec {systemd} --user --log-target=console
"""

Weilink = Callable[..., "subprocess.CompletedProcess[str]"]


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE} s: {what}")
        time.sleep(0.05)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "ho me%h$HOME'é"
    home.mkdir()
    return home


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "WEILINK_LANG": "en"}


@pytest.fixture
def weilink(env: dict[str, str]) -> Weilink:
    """Run `weilink` with arguments, by the interpreter `python`."""

    def run(*arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-m", "weilink", *arguments],
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def systemd(env: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """Start a systemd for the user of `env`."""
    program = next(
        (p for p in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if Path(p).exists()), None
    )
    assert program and shutil.which("unshare"), "install the Debian packages systemd, util-linux"
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    env["XDG_RUNTIME_DIR"] = str(runtime)
    may = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    own = [] if may.returncode == 0 else ["--map-root-user"]
    with (tmp_path / "systemd.log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", *own, "sh", "-c", START.format(systemd=program)],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        until(
            lambda: (
                subprocess.run(
                    ["systemctl", "--user", "show-environment"],
                    env=env,
                    capture_output=True,
                    check=False,
                ).returncode
                == 0
                or process.poll() is not None
            ),
            "systemd answers",
        )
        assert process.poll() is None, (tmp_path / "systemd.log").read_text()
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)
