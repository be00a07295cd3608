"""Finding the program of an agent, and asking for its version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from weilink.agents.base import AskError, Program

_VERSION_SECONDS = 20
_RUN_SECONDS = 60
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


def numbers(program: Program) -> tuple[int, ...]:
    """Return the version of a program, to be compared: 2.1.330 as (2, 1, 330)."""
    found = re.match(r"\d+(?:\.\d+)*", program.version)
    return tuple(map(int, found[0].split("."))) if found else ()


def run(
    program: Program, arguments: Iterable[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run an agent to its end in `folder`, with nothing to read.

    Raises:
        AskError: it did not start, or did not end.
    """
    command = [str(program.path), *arguments]
    try:
        return subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_RUN_SECONDS,
            env={**os.environ, **environment},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AskError(f"{' '.join(command)}: {error}") from None


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
