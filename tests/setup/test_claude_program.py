"""With the `claude` program at hand, it writes its own file; ours is only the decision.

The stand-in below keeps `~/.claude.json` as the real program does: it reformats and adds to it.
`tests/agents` has the real one.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from tests.setup.conftest import Home
from tests.setup.test_crash import forked
from weilink.cli.main import run

STAND_IN = f"""#!{sys.executable}
import json, os, sys
log = os.environ["HOME"] + "/claude.log"
open(log, "a").write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:] == ["--version"]:
    print("2.1.330 (Claude Code)")
    sys.exit()
how = os.environ.get("STAND_IN", "")
if how == "fails" and "add-json" in sys.argv:
    sys.exit("cannot do that")
if how == "lies":
    sys.exit()
path = os.environ["HOME"] + "/.claude.json"
try:
    content = json.load(open(path))
except FileNotFoundError:
    content = {{"machineID": "1"}}
if how == "outlives":
    import signal, time
    notes = os.environ["HOME"] + "/.weilink/setup/journal.json"
    os.kill(os.getppid(), signal.SIGKILL)
    late = time.monotonic() + 1
    # Until the next run believes that all is over, and for a second at most.
    while os.path.exists(notes) and time.monotonic() < late:
        time.sleep(0.01)
servers = content.setdefault("mcpServers", {{}})
name = sys.argv[5]
if sys.argv[2] == "add-json":
    if name in servers:
        sys.exit("MCP server weilink already exists in user config")
    servers[name] = json.loads(sys.argv[6])
else:
    del servers[name]
with open(path, "w") as file:
    json.dump(content, file, indent=2)
if how == "outlives":
    open(os.environ["HOME"] + "/ended", "w").close()
"""


@pytest.fixture
def program(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = home.root / "bin" / "claude"
    path.parent.mkdir()
    path.write_text(STAND_IN)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def test_events_that_an_old_version_does_not_know(home: Home, program: Path) -> None:
    """One of them in the file, and it ignores every hook there."""
    home.done()
    new = home.settings.read_bytes()
    assert home.hooks("PostToolUseFailure") == home.hooks("PostToolUse")

    program.write_text(STAND_IN.replace("2.1.330", "2.0.30"))
    home.done()
    assert set(json.loads(home.settings.read_bytes())["hooks"]) == {
        "UserPromptSubmit", "SessionStart", "SessionEnd", "PostToolUse", "Stop",
    }  # fmt: skip
    before = home.settings.read_bytes()
    refused = home.setup("--yes", "--hooks", "prompt,approve")
    assert (refused.code, home.settings.read_bytes()) == (2, before)
    assert "Claude Code 2.0.30 does not know" in refused.err

    program.write_text(STAND_IN)
    home.done()
    assert json.loads(home.settings.read_bytes()) == json.loads(new)


def calls(home: Home) -> list[list[str]]:
    """The commands that were run, without questions for the version."""
    lines = (home.root / "claude.log").read_text().splitlines()
    return [call[1:5] for line in lines if (call := json.loads(line)) != ["--version"]]


ADD = ["add-json", "-s", "user", "weilink"]
REMOVE = ["remove", "-s", "user", "weilink"]


def test_the_program_adds_the_server(home: Home, program: Path) -> None:
    result = home.done("--json").json

    assert result["program"] == {"path": str(program), "version": "2.1.330"}
    assert calls(home) == [ADD]
    assert "weilink" in json.loads(home.servers.read_bytes())["mcpServers"]


def test_a_second_run_asks_it_for_nothing(home: Home, program: Path) -> None:
    home.done()
    home.done()

    assert calls(home) == [ADD]


def test_what_it_left_untouched_is_restored_to_the_byte(home: Home, program: Path) -> None:
    home.servers.write_bytes(b'{"machineID":"1",\r\n\r\n"mcpServers":{}}')
    before = home.servers.read_bytes()
    home.done()
    home.done("--uninstall")

    assert home.servers.read_bytes() == before


def test_what_it_wrote_since_is_kept(home: Home, program: Path) -> None:
    home.done()
    content = json.loads(home.servers.read_bytes())
    home.servers.write_text(json.dumps(content | {"numStartups": 2}))
    home.done("--uninstall")

    assert calls(home) == [ADD, REMOVE]
    assert json.loads(home.servers.read_bytes()) == {
        "machineID": "1",
        "mcpServers": {},
        "numStartups": 2,
    }


def test_uninstall_works_when_the_program_is_gone(home: Home, program: Path) -> None:
    home.done()
    content = json.loads(home.servers.read_bytes())
    home.servers.write_text(json.dumps(content | {"numStartups": 2}, indent=2))
    program.unlink()
    home.done("--uninstall")

    assert json.loads(home.servers.read_bytes()) == {"machineID": "1", "numStartups": 2}


def test_another_transport_replaces_the_entry(home: Home, program: Path) -> None:
    home.done()
    home.done("--transport", "http")

    assert calls(home) == [ADD, REMOVE, ADD]
    assert "url" in json.loads(home.servers.read_bytes())["mcpServers"]["weilink"]


@pytest.mark.parametrize("how", ["fails", "lies"])
def test_nothing_is_left_when_it_does_not_work(
    home: Home, program: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("STAND_IN", how)
    home.write_settings(b"{}")
    (home.root / "claude.log").touch()
    before = {name: entry for name, entry in home.tree().items() if name != "claude.log"}

    result = home.setup("--yes")

    assert result.code == 1
    assert "add-json" in result.err and "nothing was changed" in result.err
    assert {n: entry for n, entry in home.tree().items() if n != "claude.log"} == before


def test_a_failed_replacement_brings_the_old_entry_back(
    home: Home, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.servers.write_text('{"mcpServers": {"weilink": {"command": "weilink"}}}')
    real = program.read_text()
    program.write_text(real.replace('how == "fails"', '"-m" in sys.argv[-1]'))

    assert home.setup("--yes").code == 1
    servers = json.loads(home.servers.read_bytes())["mcpServers"]
    assert servers == {"weilink": {"command": "weilink"}}


def test_an_empty_file_that_it_cannot_read_is_filled_by_us(home: Home, program: Path) -> None:
    home.servers.write_text("")
    home.done()

    assert "weilink" in json.loads(home.servers.read_bytes())["mcpServers"]
    home.done("--uninstall")
    assert home.servers.read_text() == ""


def test_a_program_that_does_not_start_is_not_used(home: Home, program: Path) -> None:
    program.write_text("#!/bin/false\n")
    home.done()

    assert "weilink" in json.loads(home.servers.read_bytes())["mcpServers"]


@pytest.mark.parametrize("arguments", [["--uninstall"], []], ids=["uninstall", "install"])
def test_a_program_that_outlives_a_killed_setup_is_waited_for(
    home: Home, program: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    home.servers.write_text('{"machineID": "1", "mcpServers": {}}')
    before = home.servers.read_bytes()
    monkeypatch.setenv("STAND_IN", "outlives")
    assert forked(lambda: run(["setup", "claude", "--yes"])) == -9
    monkeypatch.delenv("STAND_IN")

    home.done(*arguments)

    deadline = time.monotonic() + 10
    while not (home.root / "ended").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    servers = json.loads(home.servers.read_bytes())["mcpServers"]
    assert list(servers) == ([] if arguments else ["weilink"])
    home.done("--uninstall")
    assert json.loads(home.servers.read_bytes()) == json.loads(before)
    assert not home.base.exists()
