"""`weilink service` with a real systemd: what it starts, keeps running, and takes out again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.setup.conftest import tree
from tests.userservice.conftest import Weilink, until

pytestmark = pytest.mark.slow

UNIT = ".config/systemd/user/weilink.service"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def status(weilink: Weilink) -> dict[str, Any]:
    done = weilink("service", "status", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.usefixtures("systemd")
def test_from_installation_to_its_end(weilink: Weilink, home: Path, port: int) -> None:
    (home / ".config").mkdir()
    done = weilink("service", "install", "-p", str(port))
    assert done.returncode == 0, done.stderr
    assert f"http://127.0.0.1:{port}/mcp" in done.stdout
    first = status(weilink)
    assert first["running"], first
    assert first["base_path"] == str(home / ".weilink")
    assert listens(port)
    assert oct((home / UNIT).stat().st_mode)[-3:] == "644"

    again = weilink("service", "install", "-p", str(port))
    assert "already" in again.stdout
    assert status(weilink)["pid"] == first["pid"]

    os.kill(first["pid"], signal.SIGKILL)
    until(lambda: status(weilink)["pid"] not in (None, first["pid"]), "systemd starts it again")
    until(lambda: listens(port), "it serves again")

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other = probe.getsockname()[1]
    moved = weilink("service", "install", "-p", str(other))
    assert moved.returncode == 0, moved.stderr
    assert listens(other)
    assert not listens(port)

    gone = weilink("service", "uninstall")
    assert gone.returncode == 0, gone.stderr
    assert not listens(other)
    assert not (home / UNIT).exists()
    links = [path for path in tree(home / ".config") if "weilink" in path]
    assert links == []
    assert status(weilink)["installed"] is False
    assert "There is no service" in weilink("service", "uninstall").stdout


@pytest.mark.usefixtures("systemd")
def test_names_that_mean_something_to_systemd(
    weilink: Weilink, home: Path, port: int, tmp_path: Path
) -> None:
    strange = tmp_path / 'pro grams%i$PATH"\\é'
    strange.mkdir()
    (strange / "venv").symlink_to(Path(sys.executable).parent.parent)
    base = home / '数据 %h$HOME"\\;# 🎉'
    done = weilink(
        "-d", str(base), "service", "install", "-p", str(port),
        python=str(strange / "venv" / "bin" / "python"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (base / "run" / "recv").exists()
    assert status(weilink)["base_path"] == str(base)
    command = Path(f"/proc/{status(weilink)['pid']}/cmdline").read_bytes().split(b"\0")
    assert command[0].decode() == str(strange / "venv" / "bin" / "python")

    other = weilink("service", "install", "-p", str(port))
    assert other.returncode == 2
    assert str(base) in other.stderr
    assert weilink("service", "uninstall").returncode == 0


@pytest.mark.usefixtures("systemd")
def test_what_does_not_start_is_taken_out_again(weilink: Weilink, home: Path, port: int) -> None:
    (home / ".weilink").mkdir()
    (home / ".weilink" / "weilink.db").write_bytes(b"this is no database" * 100)
    done = weilink("service", "install", "-p", str(port))
    assert done.returncode == 1
    assert "did not start" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in tree(home) if path.endswith(".service")]
    assert status(weilink)["installed"] is False


@pytest.mark.usefixtures("systemd")
def test_a_port_that_is_taken(weilink: Weilink, home: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        done = weilink("service", "install", "-p", str(taken))
    assert done.returncode == 2
    assert str(taken) in done.stderr
    assert not (home / UNIT).exists()


@pytest.mark.usefixtures("systemd")
def test_a_unit_of_somebody_else(weilink: Weilink, home: Path, port: int) -> None:
    unit = home / UNIT
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    before = tree(home)
    for command in (["install", "-p", str(port)], ["uninstall"], ["status"]):
        done = weilink("service", *command)
        assert done.returncode == 4, command
        assert str(unit) in done.stderr
        assert tree(home) == before


@pytest.mark.usefixtures("systemd")
def test_a_unit_that_systemd_itself_finds_right(
    weilink: Weilink, home: Path, env: dict[str, str], port: int
) -> None:
    printed = weilink("service", "install", "-p", str(port), "--admin-port", "8123", "--dry-run")
    assert printed.returncode == 0
    assert not (home / ".config").exists()
    unit = home / "weilink.service"
    unit.write_text(printed.stdout)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "weilink" not in done.stderr, done.stderr
