"""A home folder of its own for every test, and the command line run in it."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from weilink.cli.main import run

# What a folder looks like to a careful user: path -> (kind, mode, content or link).
Tree = dict[str, tuple[str, int, bytes | str]]


def tree(folder: Path) -> Tree:
    found: Tree = {}
    for parent, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(parent, name)
            status = path.lstat()
            mode = stat.S_IMODE(status.st_mode)
            key = str(path.relative_to(folder))
            if path.is_symlink():
                found[key] = ("link", 0, str(path.readlink()))
            elif path.is_dir():
                found[key] = ("folder", mode, "")
            else:
                found[key] = ("file", mode, path.read_bytes())
    return found


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Home:
    """A user's home, with a project folder to start in."""

    def __init__(self, root: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.project = root / "project"
        self.settings = root / ".claude" / "settings.json"
        self.servers = root / ".claude.json"
        self.skill = root / ".claude" / "skills" / "weilink" / "SKILL.md"
        self.base = root / ".weilink"
        self.script = self.base / "hooks" / "weilink_hook.py"
        self.codex = root / ".codex" / "config.toml"
        self.codex_hooks = root / ".codex" / "hooks.json"
        self.agent = "claude"
        self._capture = capture

    def setup(self, *arguments: str) -> Result:
        self._capture.readouterr()
        code = run(["setup", self.agent, *arguments])
        captured = self._capture.readouterr()
        return Result(code, captured.out, captured.err)

    def done(self, *arguments: str) -> Result:
        result = self.setup("--yes", *arguments)
        assert result.code == 0, result.err
        return result

    def write_settings(self, data: bytes, mode: int = 0o644) -> bytes:
        self.settings.parent.mkdir(parents=True, exist_ok=True)
        self.settings.write_bytes(data)
        self.settings.chmod(mode)
        return data

    def write(self, path: Path, text: str) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return text

    def hooks(self, event: str) -> list[str]:
        groups = json.loads(self.settings.read_bytes())["hooks"].get(event, [])
        return [hook["command"] for group in groups for hook in group["hooks"]]

    def tree(self) -> Tree:
        return tree(self.root)


@pytest.fixture
def make_home(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def make(root: Path) -> Home:
        home = Home(root, capsys)
        home.project.mkdir(parents=True)
        for name in list(os.environ):
            if name.startswith(("WEILINK_", "CLAUDE", "CODEX", "XDG_")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(root))
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        for name in ("LC_ALL", "LC_MESSAGES"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("LANG", "C.UTF-8")
        monkeypatch.chdir(home.project)
        return home

    return make


@pytest.fixture
def home(make_home: Any, tmp_path: Path) -> Home:
    made = make_home(tmp_path / "home")
    assert isinstance(made, Home)
    return made
