"""The MCP conformance suite and the MCP Inspector, at pinned versions, fetched once per machine."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from tests.agents import programs

NODE_VERSION = "24.9.0"
"""Both need Node.js 22 or newer, which the machine may not have."""
CONFORMANCE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def node() -> Path:
    """Return the path of a Node.js of our own."""
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    package = f"node-{platform.system().lower()}-{machine}@{NODE_VERSION}"
    return programs.fetch(programs.Program("node", NODE_VERSION, package, "bin/node"))


def script(package: str, name: str) -> Path:
    """Return the path of a command of an npm package, fetching that with all it depends on.

    Raises:
        ProgramError: npm failed, or the package has no such command.
    """
    folder = programs.cache() / package.strip("@").replace("/", "-").replace("@", "-")
    command = folder / "node_modules" / ".bin" / name
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            _install(package, folder)
    if not command.exists():
        raise programs.ProgramError(f"{package} has no command {name}")
    return command


def _install(package: str, folder: Path) -> None:
    own_node = node()
    with tempfile.TemporaryDirectory(dir=programs.cache(), prefix=".npm-") as name:
        work = Path(name) / "package"
        work.mkdir()
        (work / "package.json").write_text("{}")
        npm = programs._npm()
        path = os.pathsep.join([str(own_node.parent), str(Path(npm).parent), os.environ["PATH"]])
        done = subprocess.run(
            [npm, "install", package, "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=work,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode != 0:
            raise programs.ProgramError(f"npm install {package}: {done.stderr[-2000:]}")
        work.rename(folder)


def run(
    package: str, name: str, arguments: Sequence[str], folder: Path, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command of a package in a clean environment, with `folder` as its home."""
    own_node = node()
    return subprocess.run(
        [str(own_node), str(script(package, name)), *arguments],
        cwd=folder,
        env={
            "HOME": str(folder),
            "PATH": os.pathsep.join([str(own_node.parent), os.environ["PATH"]]),
            "LANG": "C.UTF-8",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
