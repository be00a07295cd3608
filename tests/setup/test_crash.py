"""Setup killed at steps that touch the disk, and two of them at once.

`test_syscalls` kills it at every system call, where the system can.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.setup.conftest import Home, Tree
from weilink.cli.main import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

TOUCHING = ("open", "replace", "rename", "unlink", "rmdir", "mkdir", "fsync", "chmod", "write")
KILLED = 137


def forked(work: Callable[[], int]) -> int:
    """Run `work` in a copy of this process and return its exit code."""
    process = os.fork()
    if process == 0:
        try:
            os._exit(work())
        except BaseException:  # noqa: BLE001  (the copy must never return into pytest)
            traceback.print_exc(file=sys.__stderr__)
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_at(number: int, arguments: list[str]) -> int:
    """Run setup, which dies at its nth call that touches the disk. Returns its exit code."""

    def work() -> int:
        left = [number]

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*a: Any, **k: Any) -> Any:
                left[0] -= 1
                if left[0] == 0:
                    os._exit(KILLED)
                return real(*a, **k)

            return call

        for name in TOUCHING:
            setattr(os, name, dying(getattr(os, name)))
        return run(["setup", "claude", *arguments])

    return forked(work)


def steps(
    home: Home, arguments: list[str], prepare: Callable[[], None], stride: int = 1
) -> Iterator[int]:
    """Kill setup at its first step, its second, and so on until one run comes through."""
    for number in range(1, 500, stride):
        prepare()
        code = killed_at(number, arguments)
        if code == 0:
            assert number > 20, "nothing was counted"
            return
        assert code == KILLED
        yield number
    raise AssertionError("never came through")


def restore(root: Path, wanted: Tree) -> None:
    """Make the folder what `wanted` says."""
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    for name, (kind, mode, content) in sorted(wanted.items()):
        path = root / name
        if kind == "folder":
            path.mkdir()
        elif kind == "link":
            path.symlink_to(str(content))
            continue
        else:
            assert isinstance(content, bytes)
            path.write_bytes(content)
        path.chmod(mode)
    os.chdir(root / "project")


@pytest.fixture
def prepared(home: Home, monkeypatch: pytest.MonkeyPatch) -> tuple[Home, Tree, Tree]:
    """A home with files, how it looks without and with WeiLink."""
    # Counted, but not waited for: no power is cut here.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    home.write_settings(b'{\r\n  "model": "opus"\r\n}', 0o640)
    home.servers.write_bytes(b'{"a": 1}\n')
    without = home.tree()
    home.done()
    return home, without, home.tree()


def without_markers(state: Tree) -> Tree:
    """Leave out the notes on who made a folder: a kill just before one is written loses it."""
    return {name: entry for name, entry in state.items() if "setup/made-" not in name}


def whole(home: Home, *states: Tree, paths: Sequence[Path] = ()) -> None:
    """Every file of others is in one of the states, nothing in between."""
    for path in paths or (home.settings, home.servers, home.skill):
        key = str(path.relative_to(home.root))
        now = home.tree().get(key)
        assert now in [state.get(key) for state in states], path


def test_an_interrupted_install_can_be_taken_back(prepared: tuple[Home, Tree, Tree]) -> None:
    home, without, _ = prepared
    for _ in steps(home, ["--yes"], lambda: restore(home.root, without), stride=6):
        home.done("--uninstall")
        left = set(home.tree()) - set(without)
        # Killed between making a folder and noting that it was us who made it.
        assert left <= {".weilink", ".weilink/setup"}
        assert {name: entry for name, entry in home.tree().items() if name not in left} == without


def test_an_error_while_writing_leaves_everything(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_settings(b"{}")
    before = home.tree()
    real = os.open
    calls = [0]

    def full(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        calls[0] += "SKILL" in str(path)
        if "SKILL" in str(path):
            raise OSError(28, "No space left on device")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", full)
    result = home.setup("--yes")
    monkeypatch.setattr(os, "open", real)

    assert calls[0] == 1
    assert result.code == 4
    assert "No space left" in result.err
    assert home.tree() == before


def test_a_file_changed_meanwhile_is_not_overwritten(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from weilink.setup.engine import transaction

    home.write_settings(b"{}")
    real = transaction._manifest_after

    def late(*arguments: Any) -> Any:
        home.settings.write_text('{"theirs": 1}')
        return real(*arguments)

    monkeypatch.setattr(transaction, "_manifest_after", late)
    result = home.setup("--yes")

    assert result.code == 4
    assert "changed while setup was running" in result.err
    assert home.settings.read_text() == '{"theirs": 1}'
    assert set(home.tree()) == {"project", ".claude", ".claude/settings.json"}


def _at_once(arguments: list[str], start: Any) -> None:
    start.wait()
    sys.exit(run(["setup", "claude", *arguments]))


def test_two_at_once_make_one_installation(home: Home) -> None:
    home.write_settings(b"{}")
    before = home.tree()
    context = multiprocessing.get_context("fork")
    start = context.Event()
    runs = [context.Process(target=_at_once, args=(["--yes"], start)) for _ in range(3)]
    for each in runs:
        each.start()
    start.set()
    for each in runs:
        each.join(20)

    assert {each.exitcode for each in runs} == {0}
    assert len(home.hooks("UserPromptSubmit")) == 1
    json.loads(home.servers.read_bytes())
    home.done("--uninstall")
    assert home.tree() == before
