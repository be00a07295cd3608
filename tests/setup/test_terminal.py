"""Setup on a real terminal: it asks, and takes no for an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.setup.conftest import Home

COMMAND = ["-P", "-m", "weilink"] if sys.version_info >= (3, 11) else ["-m", "weilink"]


@pytest.fixture
def terminal(home: Home) -> Iterator[pexpect.spawn]:
    child = pexpect.spawn(
        sys.executable,
        [*COMMAND, "setup", "claude"],
        cwd=str(home.project),
        env={**os.environ, "HOME": str(home.root), "TERM": "xterm-256color"},
        dimensions=(40, 80),
        timeout=15,
        encoding="utf-8",
    )
    try:
        child.expect("Write this?")
        yield child
    finally:
        child.close(force=True)


@pytest.mark.parametrize("answer", ["n\r", "\x03"], ids=["no", "ctrl-c"])
def test_no_writes_nothing(home: Home, terminal: pexpect.spawn, answer: str) -> None:
    before = home.tree()
    terminal.send(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 1
    assert set(before) == {"project"} == set(home.tree())


def test_yes_writes(home: Home, terminal: pexpect.spawn) -> None:
    assert "\x1b[32m+" in str(terminal.before), "the diff is coloured"
    terminal.send("y\r")
    terminal.expect("What to do next")
    terminal.expect(pexpect.EOF)

    assert home.hooks("SessionStart")


def test_what_was_agreed_to_is_not_stretched(home: Home, terminal: pexpect.spawn) -> None:
    home.write_settings(b'{"theirs": 1}')
    terminal.send("y\r")
    terminal.expect("changed while you were reading")
    terminal.expect(pexpect.EOF)

    assert home.settings.read_bytes() == b'{"theirs": 1}'
    assert not home.base.exists()


def test_a_closed_pipe_does_not_stop_it(home: Home) -> None:
    setup = subprocess.Popen(
        [sys.executable, *COMMAND, "setup", "claude", "--yes"],
        cwd=home.project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert setup.stdout is not None and setup.stderr is not None
    setup.stdout.close()
    errors = setup.stderr.read()
    setup.stderr.close()

    assert setup.wait(15) == 0, errors
    assert home.hooks("SessionStart")
