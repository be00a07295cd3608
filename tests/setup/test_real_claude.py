"""The real Claude Code agrees with what `weilink setup claude` did."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.conftest import claude, claude_program, model
from tests.agents.model import Model
from tests.setup.real import beside, doctor, set_up
from tests.support.fixtures import phone
from tests.support.server import Server
from weilink.sandbox.phone import Phone

__all__ = ["claude", "claude_program", "model", "phone"]
pytestmark = pytest.mark.agents


@pytest.fixture
def server(phone: Phone, claude: Claude, tmp_path: Path) -> Iterator[Server]:
    with beside(claude, phone, tmp_path / "weilink") as server:
        yield server


def test_it_connects_carries_a_message_and_forgets_us(
    claude: Claude, server: Server, model: Model, phone: Phone
) -> None:
    settings = claude.home.path / ".claude" / "settings.json"
    before = settings.read_bytes() if settings.exists() else None

    set_up(server, "claude")

    listed = claude.run("mcp", "list").stdout
    assert "weilink" in listed and "Connected" in listed, listed
    assert doctor(server, "claude.server")["what"] == "Claude Code reaches the MCP server"
    phone.write("帮我看看 tests")
    server.wait_stored(1)
    assert claude.prompt("any news?").code == 0
    assert "帮我看看 tests" in model.turns[0].text

    set_up(server, "claude", "--uninstall")

    assert (settings.read_bytes() if settings.exists() else None) == before
    assert "weilink" not in claude.run("mcp", "list").stdout
    phone.write("nobody hears this")
    server.wait_stored(2)
    claude.prompt("again")
    assert "nobody hears this" not in json.dumps(model.turns[-1].body)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_setup_that_is_killed_around_its_program_is_taken_back(
    claude: Claude, server: Server, tmp_path: Path, when: str
) -> None:
    """`claude mcp add-json` has run or not, and the one who asked for it is gone."""
    state = claude.home.path / ".claude.json"
    claude.run("mcp", "list")
    wrapper = tmp_path / "bin" / "claude"
    wrapper.parent.mkdir()
    # Kills its parent, which is setup.
    kill = 'if [ "$2" = add-json ]; then kill -9 $PPID; exit; fi'
    real = f'"{claude.program}" "$@"'
    lines = [kill, real] if when == "before" else [real, kill]
    wrapper.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    wrapper.chmod(0o755)
    environment = {**server.env, "PATH": f"{wrapper.parent}:{server.env['PATH']}"}
    command = [sys.executable, "-m", "weilink", "setup", "claude", "--yes"]
    killed = subprocess.run(command, env=environment, capture_output=True)
    assert killed.returncode == -9, killed.stdout
    assert ("weilink" in state.read_text()) == (when == "after")

    set_up(server, "claude", "--uninstall")

    assert "weilink" not in json.dumps(json.loads(state.read_bytes()).get("mcpServers", {}))
    assert not (claude.home.path / ".claude" / "skills" / "weilink").exists()
    set_up(server, "claude")
    assert "Connected" in claude.run("mcp", "list").stdout
