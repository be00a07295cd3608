"""`weilink setup codex` as a user sees it, with a stand-in for the program (see there)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.setup.conftest import Home
from tests.setup.test_crash import forked
from tests.setup.test_terminal import COMMAND
from weilink.cli.main import run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

STAND_IN = Path(__file__).with_name("codex_stand_in.py")
CONFIG = """# mine
model = "gpt"   # the good one

[mcp_servers.other]
command = "x"
env = { API_KEY = "do-not-show-this" }
"""


@pytest.fixture
def codex(home: Home) -> Home:
    """A home with Codex's own file, and no program."""
    home.agent = "codex"
    home.write(home.codex, CONFIG)
    return home


@pytest.fixture
def program(codex: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = codex.root / "bin" / "codex"
    codex.write(path, f'#!/bin/sh\nexec {sys.executable} -I {STAND_IN} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def config(home: Home) -> Any:
    return tomllib.loads(home.codex.read_text("utf-8"))


def hook(command: str, **more: Any) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "command": command}], **more}


def write_hooks(home: Home, *groups: dict[str, Any], event: str = "UserPromptSubmit") -> None:
    home.write(home.codex_hooks, json.dumps({"hooks": {event: list(groups)}}, indent=2))


def commands(home: Home, event: str = "UserPromptSubmit") -> list[str]:
    groups = json.loads(home.codex_hooks.read_bytes())["hooks"][event]
    return [item["command"] for group in groups for item in group["hooks"]]


def listed(home: Home) -> dict[str, str]:
    """What the program says: the status of each hook by its event and command."""
    lines = [
        {"id": 1, "method": "initialize", "params": {}},
        {"id": 2, "method": "hooks/list", "params": {}},
    ]
    ran = subprocess.run(
        [sys.executable, str(STAND_IN), "app-server"],
        input="\n".join(map(json.dumps, lines)),
        env={"HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(ran.stdout.splitlines()[-1])
    hooks = answer["result"]["data"][0]["hooks"]
    return {f"{hook['eventName']} {hook['command']}": hook["trustStatus"] for hook in hooks}


def trust_all(home: Home) -> None:
    """As a user does in Codex."""
    script = (
        "import sys; sys.argv[1:] = ['--version']; import runpy;"
        f"m = runpy.run_path({str(STAND_IN)!r});"
        "m['write']({h['key']: {'trusted_hash': h['currentHash']} for h in m['hooks']()})"
    )
    environment = {"HOME": str(home.root)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True)


def test_codex_gets_server_hooks_and_skill(codex: Home) -> None:
    codex.done()

    content = config(codex)
    assert codex.codex.read_text().startswith(CONFIG)
    server = content["mcp_servers"]["weilink"]
    assert server == {"command": sys.executable, "args": server["args"]}
    assert server["args"][-3:] == ["-m", "weilink", "mcp"]
    (command,) = commands(codex)
    assert command.endswith("codex") and str(codex.script) in command
    assert commands(codex, "SessionStart") == [command]
    assert (codex.root / ".codex/skills/weilink/SKILL.md").is_file()


def test_again_changes_nothing_and_uninstall_leaves_no_trace(codex: Home) -> None:
    write_hooks(codex, hook("theirs"))
    before = codex.tree()
    codex.done()
    installed = codex.tree()

    assert "nothing was changed" in codex.done().out
    assert codex.tree() == installed
    codex.done("--uninstall")
    assert codex.tree() == before


def test_secrets_of_others_are_not_shown(codex: Home) -> None:
    result = codex.setup("--dry-run")

    assert "do-not-show-this" not in result.out
    assert "[mcp_servers.weilink]" in result.out


def test_without_the_program_it_says_how_to_trust(codex: Home) -> None:
    result = codex.done()

    assert "/hooks" in result.out
    assert codex.done("--json").json["trust"]["trusted"] is None


@pytest.mark.parametrize("name", ["scope", "hook"])
def test_what_codex_has_not_is_refused(codex: Home, name: str) -> None:
    more = ["--scope", "local"] if name == "scope" else ["--hooks", "nonsense"]

    assert codex.setup("--yes", *more).code == 2


def test_an_invalid_file_is_refused_with_its_place(codex: Home) -> None:
    codex.write(codex.codex, "a = 1\n[t]\n[t]\n")
    before = codex.tree()

    result = codex.setup("--yes")

    assert result.code == 4
    assert f"{codex.codex}, line 3, column " in result.err
    assert "[t]" in result.err
    assert codex.tree() == before


def test_hooks_go_into_the_toml_when_only_that_has_some(codex: Home) -> None:
    theirs = '\n[[hooks.SessionStart]]\n\n[[hooks.SessionStart.hooks]]\ncommand = "theirs"\n'
    codex.write(codex.codex, CONFIG + theirs)
    before = codex.tree()
    codex.done()

    hooks = config(codex)["hooks"]
    assert hooks["SessionStart"][0] == {"hooks": [{"command": "theirs"}]}
    assert len(hooks["SessionStart"]) == 2 and len(hooks["UserPromptSubmit"]) == 1
    assert not codex.codex_hooks.exists()
    codex.done("--uninstall")
    assert codex.tree() == before


def test_approvals_of_the_user_survive_another_setup(codex: Home) -> None:
    codex.done()
    approved = '\n[mcp_servers.weilink.tools.send]\napproval_mode = "approve"\n'
    codex.write(codex.codex, codex.codex.read_text() + approved)

    codex.done("--transport", "http")

    server = config(codex)["mcp_servers"]["weilink"]
    assert server == {
        "url": "http://127.0.0.1:8000/mcp",
        "tools": {"send": {"approval_mode": "approve"}},
    }
    codex.done("--uninstall")
    assert codex.codex.read_text() == CONFIG


def test_trust_is_granted_by_the_program(codex: Home, program: Path) -> None:
    write_hooks(codex, hook("theirs"))
    before = codex.tree()
    result = codex.done()

    assert "trusts WeiLink's hooks now" in result.out
    ours = commands(codex)[1]
    assert listed(codex) == {
        "UserPromptSubmit theirs": "untrusted",
        f"UserPromptSubmit {ours}": "trusted",
        f"SessionStart {ours}": "trusted",
        f"PostToolUse {ours}": "trusted",
        f"Stop {ours}": "trusted",
    }
    installed = codex.tree()
    again = codex.done("--json").json
    assert not again["changed"] and again["trust"]["trusted"] and not again["trust"]["granted"]
    assert codex.tree() == installed
    codex.done("--uninstall")
    assert codex.tree() == before


def test_hooks_for_other_purposes_are_trusted_too(codex: Home, program: Path) -> None:
    before = codex.tree()
    codex.done("--hooks", "prompt,approve,notify")

    assert sorted((key.split()[0], key.rpartition(" ")[2]) for key in listed(codex)) == [
        ("PermissionRequest", "approve"),
        ("PermissionRequest", "notify"),
        ("SessionEnd", "notify"),
        ("Stop", "notify"),
        ("UserPromptSubmit", "codex"),
    ]
    assert set(listed(codex).values()) == {"trusted"}
    codex.done("--uninstall")
    assert codex.tree() == before


def test_no_trust_is_a_no(codex: Home, program: Path) -> None:
    result = codex.done("--no-trust")

    assert "state" not in codex.codex.read_text()
    assert "/hooks" in result.out
    codex.done()
    assert set(listed(codex).values()) == {"trusted"}


def test_trust_goes_when_others_changed_the_file_too(codex: Home, program: Path) -> None:
    codex.done()
    codex.write(codex.codex, codex.codex.read_text() + '\n[other]\nname = "x"\n')

    codex.done("--uninstall")

    assert codex.codex.read_text() == CONFIG + '\n[other]\nname = "x"\n'


def test_a_changed_command_is_trusted_again(
    codex: Home, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = codex.tree()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "_base_executable", "/old/python3", raising=False)
        codex.done()

    codex.done()

    assert set(listed(codex).values()) == {"trusted"}
    codex.done("--uninstall")
    assert codex.tree() == before


@pytest.mark.parametrize(
    "arguments", [["--uninstall"], ["--hooks", "none"]], ids=["uninstall", "none"]
)
def test_hooks_of_others_behind_ours_stay_trusted(
    codex: Home, program: Path, arguments: list[str]
) -> None:
    write_hooks(codex, hook("before"))
    codex.done()
    content = json.loads(codex.codex_hooks.read_bytes())
    content["hooks"]["UserPromptSubmit"].append(hook("behind", matcher="x"))
    codex.write(codex.codex_hooks, json.dumps(content))
    trust_all(codex)

    result = codex.done(*arguments)

    assert listed(codex) == {
        "UserPromptSubmit before": "trusted",
        "UserPromptSubmit behind": "trusted",
    }
    assert "trusted as before" in result.out


def test_without_the_program_the_user_is_warned_of_moved_hooks(codex: Home) -> None:
    codex.done()
    content = json.loads(codex.codex_hooks.read_bytes())
    content["hooks"]["UserPromptSubmit"].append(hook("behind"))
    codex.write(codex.codex_hooks, json.dumps(content))

    result = codex.done("--uninstall")

    assert "1 hooks of others" in result.out and "/hooks" in result.out


@pytest.mark.parametrize("method", ["initialize", "hooks/list", "config/batchWrite"])
@pytest.mark.parametrize("how", ["refuses", "ends at"])
def test_a_program_that_does_not_do_it_leaves_the_steps(
    codex: Home, program: Path, monkeypatch: pytest.MonkeyPatch, method: str, how: str
) -> None:
    before = codex.tree()
    monkeypatch.setenv("STAND_IN", f"{how} {method}")
    result = codex.done()

    assert "/hooks" in result.out and method in result.out
    assert commands(codex)
    codex.done("--uninstall")
    assert codex.tree() == before


def test_killed_while_trust_is_granted_leaves_nothing_behind(
    codex: Home, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = codex.tree()
    monkeypatch.setenv("STAND_IN", "kills at config/batchWrite")
    assert forked(lambda: run(["setup", "codex", "--yes"])) == -9
    monkeypatch.delenv("STAND_IN")
    trust_all(codex)
    codex.done("--uninstall")

    assert codex.tree() == before


def test_a_hook_that_the_user_edited_goes_too(codex: Home) -> None:
    before = codex.tree()
    codex.done()
    text = codex.codex_hooks.read_text()
    codex.write(codex.codex_hooks, text.replace('"command": "s=', '"command": "X=1; s='))

    codex.done("--uninstall")

    assert codex.tree() == before


def trust_folder(home: Home) -> None:
    text = home.codex.read_text() + f'\n[projects."{home.project}"]\ntrust_level = "trusted"\n'
    home.write(home.codex, text)


def test_a_project_has_files_of_its_own(codex: Home, program: Path) -> None:
    trust_folder(codex)
    before = codex.tree()
    result = codex.done("--scope", "project")

    folder = codex.project / ".codex"
    assert "weilink" in tomllib.loads((folder / "config.toml").read_text())["mcp_servers"]
    assert (folder / "skills/weilink/SKILL.md").is_file()
    assert not codex.codex_hooks.exists()
    assert "trusts WeiLink's hooks now" in result.out and "in this folder" in result.out
    # Codex keeps the trust with the user.
    assert f'"{folder}/hooks.json:user_prompt_submit:0:0"' in codex.codex.read_text()
    installed = codex.tree()
    assert "nothing was changed" in codex.done("--scope", "project").out
    assert codex.tree() == installed

    codex.done("--scope", "project", "--hooks", "none")
    assert codex.codex.read_bytes() == before[".codex/config.toml"][2]
    codex.done("--scope", "project")
    codex.done("--scope", "project", "--uninstall")
    assert codex.tree() == before


def test_trust_for_a_project_goes_when_others_wrote_since(codex: Home, program: Path) -> None:
    trust_folder(codex)
    before = codex.codex.read_text()
    codex.done("--scope", "project")
    codex.write(codex.codex, codex.codex.read_text() + '\n[other]\nname = "x"\n')

    codex.done("--scope", "project", "--uninstall")

    assert codex.codex.read_text() == before + '\n[other]\nname = "x"\n'


def test_user_and_project_together(codex: Home, program: Path) -> None:
    trust_folder(codex)
    before = codex.tree()
    codex.done()
    codex.done("--scope", "project")
    codex.done("--uninstall")
    codex.done("--scope", "project", "--uninstall")

    assert codex.tree() == before


def test_a_project_that_codex_does_not_trust_is_told(codex: Home, program: Path) -> None:
    result = codex.done("--scope", "project")

    assert "trusts WeiLink's hooks now" not in result.out
    assert "trust the folder" in result.out and "/hooks" in result.out


def test_the_home_folder_is_no_project(codex: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(codex.root)
    before = codex.tree()

    assert codex.setup("--yes", "--scope", "project").code == 2
    assert codex.tree() == before


def test_codex_home_is_respected(codex: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_HOME", str(codex.root / "elsewhere"))
    codex.done()

    names = {path.name for path in (codex.root / "elsewhere").iterdir()}
    assert names == {"config.toml", "hooks.json", "skills"}
    assert codex.codex.read_text() == CONFIG
    codex.done("--uninstall")
    assert not (codex.root / "elsewhere").exists()


def test_both_agents_share_the_hook_script(codex: Home) -> None:
    before = codex.tree()
    codex.done()
    codex.agent = "claude"
    codex.done()

    codex.done("--uninstall")
    assert os.access(codex.script, os.R_OK)
    codex.agent = "codex"
    codex.done("--uninstall")
    assert codex.tree() == before


def test_ctrl_c_at_the_question_of_trust_writes_nothing(codex: Home, program: Path) -> None:
    before = codex.tree()
    child = pexpect.spawn(
        sys.executable,
        [*COMMAND, "setup", "codex"],
        cwd=str(codex.project),
        env={**os.environ, "TERM": "xterm-256color"},
        dimensions=(40, 80),
        timeout=30,
        encoding="utf-8",
    )
    try:
        child.expect_exact("Write this?")
        child.send("y\r")
        child.expect_exact("Trust these hooks?")
        child.send("\x03")
        child.expect(pexpect.EOF)
        child.close()
    finally:
        child.close(force=True)

    assert child.exitstatus == 1
    assert "Traceback" not in str(child.before)
    assert codex.tree() == before
