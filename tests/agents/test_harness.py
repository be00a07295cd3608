"""The harness without agents: what it leaves behind, and what it does when nothing comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents import programs
from tests.agents.model import Model
from tests.agents.processes import Home
from tests.agents.terminal import Terminal


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_end_all_ends_what_left_its_group(tmp_path: Path) -> None:
    home = Home(tmp_path / "agent")
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours = subprocess.Popen(command, env=home.environment(), start_new_session=True)
    other = subprocess.Popen(command)
    try:
        assert home.processes() == [ours.pid]
        home.end_all()
        assert ours.wait(5) == -9
        assert home.processes() == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait(5)


def test_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    home = Home(tmp_path / "agent")
    with pytest.raises(subprocess.TimeoutExpired):
        home.run(["sleep", "600"], home.environment(), 0.2, None)
    assert home.processes() == []


def test_terminal(tmp_path: Path) -> None:
    home = Home(tmp_path / "agent")
    shell = ["/bin/sh", "-c", "stty size; read line; echo got-$line; read line"]
    with Terminal(shell, home.environment(), home.work, columns=90, rows=20) as terminal:
        terminal.wait_for_text("20 90")
        terminal.type("hello")
        assert "got-hello" in terminal.wait_for_text("got-hello")
        with pytest.raises(TimeoutError, match="got-hello"):
            terminal.wait_for_text("never", deadline=0.1)
        terminal.hang_up()
        assert terminal.process.wait(5) == -1
    assert home.processes() == []


def test_wait_says_what_came_instead() -> None:
    with Model() as model, pytest.raises(TimeoutError, match="there were"):
        model.wait_for_text("never", deadline=0.1)


def test_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert programs.CLAUDE.folder == tmp_path / "weilink-tests" / "claude-2.1.330"
