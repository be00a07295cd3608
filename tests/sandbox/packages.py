"""Published packages that are not ours, each in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

SECONDS = 180


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "weilink-tests"


def run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"


def python_with(package: str) -> str:
    """Return the interpreter of an environment that holds `package` and nothing of ours."""
    folder = cache() / package.replace("==", "-")
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    interpreter = str(bin_folder / "python")
    ready = folder / ".ready"
    cache().mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        # The interpreter it was made from may be gone, and then the environment is broken.
        if not (ready.exists() and Path(interpreter).exists()):
            shutil.rmtree(folder, ignore_errors=True)
            if uv := shutil.which("uv"):
                run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
                run(uv, "pip", "install", "--quiet", "--python", interpreter, package)
            else:
                run(sys.executable, "-m", "venv", str(folder))
                run(interpreter, "-m", "pip", "install", "--quiet", package)
            ready.touch()
    return interpreter
