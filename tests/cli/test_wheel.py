"""What is installed from a built wheel works without the source tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_a_wheel_has_all_it_needs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", "dist")
    shutil.copytree(ROOT, source, ignore=ignored)
    wheels = tmp_path / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        pip = ["uv", "pip"]
        build = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(source)]
    else:
        build = [*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(source)]
    subprocess.run(build, check=True)
    (wheel,) = wheels.glob("weilink-*.whl")
    target = tmp_path / "installed"
    if pip[0] == "uv":
        install = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    else:
        install = [*pip, "install", "--no-deps", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True)

    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(target)}
    for arguments in (["--help"], ["setup", "claude", "--dry-run"], ["sessions"]):
        done = subprocess.run(
            [sys.executable, "-m", "weilink", *arguments],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    where = subprocess.run(
        [
            sys.executable,
            "-c",
            "from weilink.assets import asset; print(asset('hooks', 'weilink_hook.py'))",
        ],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(target)
