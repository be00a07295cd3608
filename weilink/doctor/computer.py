"""The interpreter, and the files under the base path."""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import weilink
from weilink.agents.shell import lasting_python
from weilink.doctor.finding import Finding, Level, ok
from weilink.i18n import t
from weilink.settings import Settings

_SHOWN = 5


def check(settings: Settings, config_error: str) -> Iterator[Finding]:
    """Look at this computer."""
    version = f"WeiLink {weilink.__version__}, Python {platform.python_version()}"
    yield ok("interpreter", f"{version} ({sys.executable})")
    python = lasting_python()
    if not os.access(python, os.X_OK):
        yield Finding(
            "interpreter",
            Level.ERROR,
            t("{path} does not run", path=python),
            t("The hooks are run by it; they look for another python3 on PATH."),
            "weilink setup",
        )
    yield from _base_path(settings.base_path)
    if config_error:
        yield Finding(
            "settings",
            Level.ERROR,
            config_error,
            t("Commands, and the servers of agents, stop there. The rest was looked at without."),
            t("mend the file, then run: {command}", command="weilink doctor"),
        )


def closed(base: Path) -> bool:
    """Return whether the base path is there, and cannot be looked into."""
    return base.exists() and not os.access(base, os.R_OK | os.X_OK)


def _base_path(base: Path) -> Iterator[Finding]:
    if not base.exists():
        yield Finding(
            "files",
            Level.NOTE,
            t("{path} does not exist yet", path=base),
            t("No bot was logged in and no agent set up."),
            "weilink setup",
        )
        return
    if not os.access(base, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            "files",
            Level.ERROR,
            t("{path} cannot be written", path=base),
            t("Messages are kept there."),
            f"chmod u+rwx '{base}'",
        )
        return
    if os.name != "posix":
        yield ok("files", str(base))
        return
    open_ones = sorted(_open_to_others(base))
    if not open_ones:
        yield ok("files", t("{path}: nobody else can read it", path=base))
        return
    names = ", ".join(str(path) for path in open_ones[:_SHOWN])
    more = "" if len(open_ones) <= _SHOWN else f" … (+{len(open_ones) - _SHOWN})"
    yield Finding(
        "files",
        Level.ERROR,
        t("Other users of this computer can read: {names}", names=names + more),
        t("Tokens of your bots and your messages are in there."),
        f"chmod -R go= '{base}'",
    )


def _open_to_others(base: Path) -> Iterator[Path]:
    """Return what others can read; what stands in a private folder cannot be reached."""
    status = base.lstat()
    if stat.S_ISLNK(status.st_mode) or not status.st_mode & 0o077:
        return
    yield base
    if base.is_dir():
        for path in base.iterdir():
            yield from _open_to_others(path)
