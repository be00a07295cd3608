"""`weilink service` where it cannot work, and what launchd is given."""

from __future__ import annotations

import os
import plistlib
import sys
from pathlib import Path

import pytest

from tests.setup.conftest import tree
from tests.userservice.conftest import Weilink
from weilink.errors import UsageError
from weilink.userservice.base import Server
from weilink.userservice.installing import manager_here
from weilink.userservice.launchd import Launchd


@pytest.mark.skipif(sys.platform != "linux", reason="about systemd")
def test_without_a_systemd_of_the_user(weilink: Weilink, env: dict[str, str], home: Path) -> None:
    env["XDG_RUNTIME_DIR"] = str(home / "nowhere")
    env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nowhere"
    done = weilink("service", "install")
    assert done.returncode == 1
    assert "weilink mcp -t http" in done.stderr
    assert not [path for path in tree(home) if path.endswith(".service")]
    # Nothing is there, so nothing has to be asked.
    assert weilink("service", "uninstall").returncode == 0
    assert "not installed" in weilink("service", "status").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="about systemd")
def test_without_the_program(weilink: Weilink, env: dict[str, str], home: Path) -> None:
    env["PATH"] = str(home)
    done = weilink("service", "install")
    assert done.returncode == 1
    assert "systemctl" in done.stderr
    assert "Traceback" not in done.stderr


def test_windows_hears_what_to_do() -> None:
    with pytest.raises(UsageError, match="Task Scheduler"):
        manager_here("win32")


def test_launchd_gets_a_valid_property_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    manager = manager_here("darwin")
    assert isinstance(manager, Launchd)
    command = ("/opt/a b/python", "-m", "weilink", "-d", "/数据 <&>\"'", "mcp")
    server = Server(command, {"WEILINK_LANG": "zh"}, Path('/数据 <&>"'), 8000, 8080)
    content = manager.content(server)
    values = plistlib.loads(content)
    assert values["ProgramArguments"] == list(command)
    assert values["EnvironmentVariables"] == {"WEILINK_LANG": "zh"}
    assert values["KeepAlive"] is True
    assert values["RunAtLoad"] is True
    assert manager.facts(content) == {
        "BasePath": '/数据 <&>"',
        "Port": "8000",
        "AdminPort": "8080",
    }
    assert manager.file == tmp_path / "Library" / "LaunchAgents" / "weilink.plist"
    assert str(Path(values["StandardErrorPath"]).parent) == str(tmp_path / "Library" / "Logs")
    for other in (b"", b"<plist>", b"[Service]", plistlib.dumps({"Label": "x"}), os.urandom(64)):
        assert manager.facts(other) == {}
