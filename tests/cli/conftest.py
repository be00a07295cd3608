"""Running `weilink` as a user does, in a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Weilink = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def weilink(tmp_path: Path) -> Weilink:
    """Run `weilink` with arguments; keyword arguments are environment variables."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", **variables}
        return subprocess.run(
            [sys.executable, "-m", "weilink", *arguments],
            env=env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run
