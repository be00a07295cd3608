"""The command by which an agent runs the hook script, in the words of its shell."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path, PurePath

SCRIPT = "weilink_hook.py"
# That of the weilink 0.6 package, which nothing of ours answers.
OLD_SCRIPT = "weilink_poll_inject.py"


def lasting_python() -> Path:
    """Return the interpreter that stays when the virtual environment of this process goes."""
    python = Path(getattr(sys, "_base_executable", None) or sys.executable)
    # Followed only out of virtual environments: the link of a package manager survives upgrades
    # of what it points to.
    while python.is_symlink() and (python.parent.parent / "pyvenv.cfg").exists():
        python = python.parent / python.readlink()
    return Path(os.path.normpath(python))


def run_by() -> list[str]:
    """Return the program that runs hook commands, and its option for a command."""
    if os.name == "posix":
        return ["/bin/sh", "-c"]
    named = os.environ.get("CLAUDE_CODE_GIT_BASH_PATH")
    if not named and (git := shutil.which("git")):
        named = str(Path(git).parents[1] / "bin" / "bash.exe")
    return [named or r"C:\Program Files\Git\bin\bash.exe", "-c"]


def hook_command(python: PurePath, script: PurePath, agent: str) -> str:
    """Return a command for `sh` (on Windows that of Git, with which Claude Code runs hooks).

    It does nothing when the script is gone, takes the `python3` of PATH when the interpreter is
    gone, and ends with the exit code of the script.
    """
    return (
        f"s={shlex.quote(script.as_posix())}; p={shlex.quote(python.as_posix())}; "
        '[ -f "$s" ] || exit 0; [ -x "$p" ] || p=$(command -v python3) || exit 0; '
        f'exec "$p" -I -S "$s" {agent}'
    )
