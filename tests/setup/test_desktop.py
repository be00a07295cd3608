"""Claude Desktop, Cursor and VS Code: their files on every system, and what goes in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.setup.conftest import Home
from weilink.agents.desktop import ClaudeDesktop, Cursor, VSCode

WHERE = {
    ("claude-desktop", "linux"): ".config/Claude/claude_desktop_config.json",
    ("claude-desktop", "darwin"): "Library/Application Support/Claude/claude_desktop_config.json",
    ("claude-desktop", "win32"): "AppData/Roaming/Claude/claude_desktop_config.json",
    ("cursor", "linux"): ".cursor/mcp.json",
    ("cursor", "darwin"): ".cursor/mcp.json",
    ("cursor", "win32"): ".cursor/mcp.json",
    ("vscode", "linux"): ".config/Code/User/mcp.json",
    ("vscode", "darwin"): "Library/Application Support/Code/User/mcp.json",
    ("vscode", "win32"): "AppData/Roaming/Code/User/mcp.json",
}
AGENTS = {agent.name: agent for agent in (ClaudeDesktop, Cursor, VSCode)}
SERVERS = {"claude-desktop": "mcpServers", "cursor": "mcpServers", "vscode": "servers"}


@pytest.mark.parametrize(("name", "system"), WHERE)
def test_where_the_file_is(
    home: Home, monkeypatch: pytest.MonkeyPatch, name: str, system: str
) -> None:
    monkeypatch.delenv("APPDATA", raising=False)

    assert AGENTS[name](system).file("user", home.project) == home.root / WHERE[name, system]


def test_the_environment_moves_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    monkeypatch.setenv("APPDATA", "/r")

    assert VSCode("linux").file("user", home.project) == Path("/c/Code/User/mcp.json")
    assert VSCode("win32").file("user", home.project) == Path("/r/Code/User/mcp.json")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert VSCode("linux").file("user", home.project) == home.root / ".config/Code/User/mcp.json"


@pytest.mark.parametrize("name", SERVERS)
def test_the_server_goes_in_and_out(home: Home, name: str) -> None:
    home.agent = name
    before = home.tree()
    result = home.done()

    file = (
        home.root
        / WHERE[name, "linux" if sys.platform not in ("darwin", "win32") else sys.platform]
    )
    server = json.loads(file.read_bytes())[SERVERS[name]]["weilink"]
    assert server["command"] == sys.executable and server["args"][-1] == "mcp"
    assert server.get("type") == ("stdio" if name == "vscode" else None)
    assert "ask the agent to call the recv tool" in result.out
    assert not home.script.exists()
    assert "nothing was changed" in home.done().out
    home.done("--uninstall")
    assert home.tree() == before


def test_http_for_those_that_know_it(home: Home) -> None:
    home.agent = "vscode"
    home.done("--transport", "http", "--scope", "project")
    server = json.loads((home.project / ".vscode/mcp.json").read_bytes())["servers"]["weilink"]
    assert server == {"type": "http", "url": "http://127.0.0.1:8000/mcp"}

    home.agent = "claude-desktop"
    result = home.setup("--yes", "--transport", "http")
    assert result.code == 2
    assert "stdio" in result.err


def test_keys_that_the_user_added_stay(home: Home) -> None:
    home.agent = "cursor"
    home.done()
    file = home.root / ".cursor/mcp.json"
    text = file.read_text().replace(
        '"weilink": {', '"weilink": {\n      // mine\n      "disabled": true,'
    )
    file.write_text(text)

    home.done("--transport", "http")

    assert '// mine\n      "disabled": true' in file.read_text()
    assert '"command"' not in file.read_text() and '"url"' in file.read_text()


@pytest.mark.parametrize("agent", [Cursor, VSCode, ClaudeDesktop])
def test_it_is_found_by_its_folder(home: Home, agent: type[Cursor]) -> None:
    assert agent("linux").find() is None
    agent("linux").file("user", home.project).parent.mkdir(parents=True)
    assert agent("linux").find() is not None


def test_it_is_found_by_its_command(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    command = home.root / "bin" / "code"
    home.write(command, "#!/bin/sh\necho 1.99.0\necho 0123abc\necho x64\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")

    found = VSCode("linux").find()

    assert found is not None and (found.path, found.version) == (command, "1.99.0")
