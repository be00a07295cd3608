"""What differs on Windows, as far as it can be played here: what is missing in `os`, and locks."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.setup.conftest import Home
from weilink.agents import shell
from weilink.doctor import computer, policies, running
from weilink.errors import ConfigFileError
from weilink.setup.engine import files, store

MISSING = ("chown", "fchmod", "fchown", "fork", "geteuid", "getuid", "setxattr", "listxattr")


class Windows:
    """The module `os` as it is there."""

    name = "nt"

    def __getattr__(self, name: str) -> Any:
        if name in MISSING:
            raise AttributeError(name)
        return getattr(os, name)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (files, store, computer, shell):
        monkeypatch.setattr(module, "os", Windows())
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("agent", ["claude", "codex", "vscode"])
def test_nothing_is_used_that_is_not_there(
    home: Home, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPDATA", str(home.root / "AppData" / "Roaming"))
    home.agent = agent
    home.write_settings(b'{\r\n  "model": "opus"\r\n}\r\n')
    before = home.tree()
    home.done()
    installed = home.tree()

    assert "nothing was changed" in home.done().out
    assert home.tree() == installed
    home.done("--uninstall")
    assert home.tree() == before


@pytest.mark.usefixtures("windows")
def test_the_attribute_of_a_folder_says_nothing(home: Home) -> None:
    home.write_settings(b"{}")
    home.settings.parent.chmod(0o555)
    try:
        assert files.check_writable(files.read(home.settings)) is None  # type: ignore[func-returns-value]
    except ConfigFileError:
        assert os.geteuid() != 0, "who is not root may not write there"
    finally:
        home.settings.parent.chmod(0o755)


def test_a_file_that_is_in_use_is_replaced_by_the_next_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_settings(b"{}")
    before = home.tree()
    real = Path.replace

    def in_use(path: Path, target: Path) -> Path:
        if target.name == "settings.json":
            raise PermissionError(13, "The process cannot access the file")
        return real(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", in_use)
        result = home.setup("--yes")
    assert result.code == 4
    assert f"{home.settings}: could not be replaced" in result.err
    assert home.settings.read_bytes() == b"{}"

    home.done()
    assert home.hooks("SessionStart")
    home.done("--uninstall")
    assert home.tree() == before


def test_hooks_are_run_by_the_bash_of_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "os", Windows())
    monkeypatch.delenv("CLAUDE_CODE_GIT_BASH_PATH", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: f"/c/Git/cmd/{name}.exe")
    assert shell.run_by() == ["/c/Git/bin/bash.exe", "-c"]
    monkeypatch.setenv("CLAUDE_CODE_GIT_BASH_PATH", "/d/bash.exe")
    assert shell.run_by() == ["/d/bash.exe", "-c"]


def test_without_that_bash_the_doctor_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.done()
    monkeypatch.setattr(running, "run_by", lambda: ["/gone/bash.exe", "-c"])

    assert "Git for Windows" in running._latency(home.script).cure


def test_managed_settings_are_looked_for_where_windows_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PROGRAMFILES", r"D:\\Programs")
    monkeypatch.setenv("PROGRAMDATA", r"D:\\Data")

    assert str(policies.managed_claude("win32")[0]).startswith(r"D:\\Programs")
    assert str(policies.managed_codex("win32")[0]).startswith(r"D:\\Data")
