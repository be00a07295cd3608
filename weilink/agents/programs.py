"""Finding the program of an agent, and asking for its version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from weilink.agents.base import Program

_VERSION_SECONDS = 20
_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")


def find(
    places: Iterable[str | Path], environment: Mapping[str, str] | None = None
) -> Program | None:
    """Return the first of `places` (names on PATH, or paths) that runs, with its version."""
    for place in places:
        if path := shutil.which(str(place)):
            version = _version(path, environment or {})
            return Program(Path(path).absolute(), version) if version else None
    return None


def _version(program: str, environment: Mapping[str, str]) -> str | None:
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_VERSION_SECONDS,
            env={**os.environ, **environment},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout.decode("utf-8", "replace"))
    return found[0] if done.returncode == 0 and found else None
