"""`weilink setup claude` as a user sees it: output, exit codes, bytes, modes and links."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.setup.conftest import Home

FOREIGN = b"""{
    "model": "opus",
    "env": {"SOME_TOKEN": "do-not-show-this"},
    "hooks": {
        "UserPromptSubmit": [
            {"hooks": [{"type": "command", "command": "echo theirs"}]}
        ]
    }
}
"""


def test_the_agent_gets_hooks_server_and_skill(home: Home) -> None:
    result = home.done()

    hook, wake = home.hooks("SessionStart")
    assert wake == f"{hook} wait wake"
    assert home.hooks("Stop") == [hook, wake]
    for event in ("UserPromptSubmit", "PostToolUse", "SessionEnd"):
        assert home.hooks(event) == [hook]
    assert str(home.script) in home.hooks("SessionStart")[0]
    server = json.loads(home.servers.read_bytes())["mcpServers"]["weilink"]
    assert server["command"] == sys.executable
    assert server["args"][-3:] == ["-m", "weilink", "mcp"]
    assert "env" not in server
    assert "<wechat-message" in home.skill.read_text("utf-8")
    assert home.script.is_file()
    assert "Start (or restart) claude" in result.out


@pytest.mark.slow
def test_a_hook_before_each_tool_only_for_those_who_want_to_see_it(home: Home) -> None:
    home.write_settings(FOREIGN)
    home.done()
    before = home.settings.read_bytes()
    home.base.mkdir(exist_ok=True)
    config = home.base / "config.toml"
    config.write_text("show_tool_calls = true\n")

    assert "shows in the chat that a tool begins" in home.done().out
    assert home.hooks("PreToolUse") == home.hooks("PostToolUse")
    home.done("--hooks", "prompt")
    assert "PreToolUse" not in json.loads(home.settings.read_bytes())["hooks"]

    config.unlink()
    home.done()
    assert home.settings.read_bytes() == before


def test_new_files_and_folders_are_private(home: Home) -> None:
    home.done()

    for name, (kind, mode, _) in home.tree().items():
        if name != "project":
            assert mode == (0o700 if kind == "folder" else 0o600), name


def test_the_second_time_changes_nothing_and_says_so(home: Home) -> None:
    home.write_settings(FOREIGN)
    home.done()
    before = home.tree()

    result = home.done()

    assert home.tree() == before
    assert "nothing was changed" in result.out


def test_uninstall_leaves_no_trace(home: Home) -> None:
    home.write_settings(FOREIGN, 0o640)
    home.servers.write_bytes(b'{"numStartups": 3, "mcpServers": {"other": {"command": "x"}}}')
    before = home.tree()
    home.done()

    home.done("--uninstall")

    assert home.tree() == before


def test_a_dry_run_writes_nothing_anywhere(home: Home) -> None:
    home.write_settings(FOREIGN)
    before = home.tree()

    result = home.setup("--dry-run")

    assert result.code == 0
    assert home.tree() == before
    assert "+++ " + str(home.settings) in result.out
    assert "do-not-show-this" not in result.out
    assert "Nothing was written" in result.out


def test_the_dry_run_of_an_uninstall_writes_nothing_either(home: Home) -> None:
    home.done()
    before = home.tree()

    assert home.setup("--dry-run", "--uninstall").code == 0
    assert home.tree() == before


def test_without_a_terminal_it_says_what_to_type(home: Home) -> None:
    before = home.tree()

    result = home.setup()

    assert result.code == 2
    assert "--yes" in result.err
    assert home.tree() == before


def test_the_json_names_every_file(home: Home) -> None:
    home.write_settings(FOREIGN)

    first = home.done("--json").json
    again = home.done("--json").json
    gone = home.done("--json", "--uninstall").json

    assert (first["agent"], first["scope"], first["action"]) == ("claude", "user", "install")
    assert first["changed"] and not again["changed"] and gone["changed"]
    kinds = {file["path"]: file["change"] for file in first["files"]}
    assert kinds == {
        str(home.servers): "create",
        str(home.settings): "edit",
        str(home.skill): "create",
        str(home.script): "create",
    }
    assert "do-not-show-this" not in json.dumps(first)
    assert {file["change"] for file in again["files"]} == {"none"}
    assert {file["change"] for file in gone["files"]} == {"edit", "remove"}


def test_hooks_can_be_chosen_and_chosen_again(home: Home) -> None:
    home.done("--hooks", "session")
    assert list(json.loads(home.settings.read_bytes())["hooks"]) == [
        "SessionStart",
        "SessionEnd",
    ]

    home.done("--hooks", "prompt")
    assert list(json.loads(home.settings.read_bytes())["hooks"]) == ["UserPromptSubmit"]

    home.done("--hooks", "none")
    assert not home.settings.exists()
    assert not home.script.exists()


@pytest.mark.parametrize("name", ["everything", "Prompt", "nonsense"])
def test_hooks_that_cannot_be_served_are_refused(home: Home, name: str) -> None:
    before = home.tree()

    result = home.setup("--yes", "--hooks", f"prompt,{name}")

    assert result.code == 2
    assert name in result.err
    assert home.tree() == before


def test_approvals_and_notices_come_only_when_asked_for(home: Home) -> None:
    home.done()
    assert "approve" not in home.settings.read_text() and "notify" not in home.settings.read_text()

    home.done("--hooks", "prompt,session,turn,wake,approve,notify")

    assert [c.split(" claude")[-1] for c in home.hooks("Stop")] == ["", " wait wake", " 3 notify"]
    assert [c.split(" claude")[-1] for c in home.hooks("PermissionRequest")] == [" 600 approve"]
    assert (
        "nothing was changed" in home.done("--hooks", "prompt,session,turn,wake,approve,notify").out
    )
    home.done("--hooks", "prompt,notify")
    assert [c.split(" claude")[-1] for c in home.hooks("Stop")] == [" 3 notify"]


def test_an_unknown_agent_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    from weilink.cli.main import run

    assert run(["setup", "emacs", "--yes"]) == 2
    assert "claude" in capsys.readouterr().err


def test_the_waiting_hook_and_the_other_one_are_told_apart(home: Home) -> None:
    old = "python3 /old/.weilink/hooks/weilink_hook.py claude"
    groups = [{"hooks": [{"type": "command", "command": c}]} for c in (f"{old} wait wake", old)]
    home.write_settings(json.dumps({"hooks": {"Stop": [*groups, *groups]}}, indent=1).encode())
    before = home.tree()

    home.done()

    assert [command.endswith(" wait wake") for command in home.hooks("Stop")] == [True, False]
    assert not any("/old/" in command for command in home.hooks("Stop"))
    home.done("--hooks", "turn")
    assert len(home.hooks("Stop")) == 1 and "SessionStart" not in home.settings.read_text()
    home.done("--uninstall")
    assert home.tree() == before


def test_project_scope_stays_in_the_folder(home: Home) -> None:
    home.done("--scope", "project")

    assert (home.project / ".claude/settings.json").is_file()
    assert (home.project / ".claude/skills/weilink/SKILL.md").is_file()
    servers = json.loads((home.project / ".mcp.json").read_bytes())
    assert "weilink" in servers["mcpServers"]
    assert not home.servers.exists() and not (home.root / ".claude").exists()
    home.done("--scope", "project", "--uninstall")
    assert list(home.project.iterdir()) == []


def test_local_scope_is_kept_by_project(home: Home) -> None:
    (home.project / ".git").mkdir()
    home.done("--scope", "local")

    projects = json.loads(home.servers.read_bytes())["projects"]
    assert "weilink" in projects[str(home.project.resolve())]["mcpServers"]
    assert (home.project / ".claude/settings.local.json").is_file()


def test_two_scopes_share_files_and_go_one_by_one(home: Home) -> None:
    before = home.tree()
    home.done()
    home.done("--scope", "local")

    home.done("--uninstall")
    assert home.script.exists() and home.skill.exists()
    assert "mcpServers" not in json.loads(home.servers.read_bytes())
    home.done("--scope", "local", "--uninstall")

    assert home.tree() == before


def test_project_scope_in_the_home_folder_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.root)

    assert home.setup("--yes", "--scope", "project").code == 2


def test_http_uses_the_running_server(home: Home) -> None:
    home.done("--transport", "http")

    server = json.loads(home.servers.read_bytes())["mcpServers"]["weilink"]
    assert server == {"type": "http", "url": "http://127.0.0.1:8000/mcp"}
    home.done()
    assert "command" in json.loads(home.servers.read_bytes())["mcpServers"]["weilink"]


def test_settings_of_the_shell_are_passed_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEILINK_ILINK_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("WEILINK_CDN_BASE_URL", "https://novac2c.cdn.weixin.qq.com/c2c")
    monkeypatch.setenv("WEILINK_BASE_PATH", str(home.root / "elsewhere"))
    home.done()

    server = json.loads(home.servers.read_bytes())["mcpServers"]["weilink"]
    assert server["env"] == {"WEILINK_ILINK_BASE_URL": "http://127.0.0.1:1"}
    assert server["args"][-5:] == ["-m", "weilink", "-d", str(home.root / "elsewhere"), "mcp"]
    assert not home.base.exists()


def test_the_server_does_not_import_from_the_project(home: Home) -> None:
    (home.project / "weilink.py").write_text("raise SystemExit('the wrong one')")
    home.done()

    server = json.loads(home.servers.read_bytes())["mcpServers"]["weilink"]
    ran = subprocess.run(
        [server["command"], *server["args"][:-1], "--version"],
        capture_output=True,
        cwd=home.project,
        text=True,
    )
    if sys.version_info >= (3, 11):
        assert ran.returncode == 0, ran.stderr


def test_the_configuration_folder_can_be_elsewhere(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = home.root / "other"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(other))
    home.done()

    assert {path.name for path in other.iterdir()} == {"settings.json", "skills", ".claude.json"}
    assert not home.servers.exists()
    home.done("--uninstall")
    assert not other.exists()


def test_uninstall_after_others_edited_takes_out_only_ours(home: Home) -> None:
    home.write_settings(b'{\n  "model": "opus"\n}\n')
    home.done()
    content = json.loads(home.settings.read_bytes())
    content["hooks"]["UserPromptSubmit"].insert(0, {"hooks": [{"command": "new"}]})
    content["hooks"]["UserPromptSubmit"][1]["hooks"][0]["timeout"] = 60
    home.write_settings(json.dumps(content, indent=4).encode())

    home.done("--uninstall")

    assert home.settings.read_text() == json.dumps(
        {"model": "opus", "hooks": {"UserPromptSubmit": [{"hooks": [{"command": "new"}]}]}},
        indent=4,
    )


def test_a_hook_that_others_put_into_our_group_stays(home: Home) -> None:
    home.done()
    content = json.loads(home.settings.read_bytes())
    content["hooks"]["SessionStart"][0]["hooks"].append({"type": "command", "command": "new"})
    home.write_settings(json.dumps(content).encode())

    home.done("--uninstall")

    assert json.loads(home.settings.read_bytes()) == {
        "hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "new"}]}]}
    }


def test_uninstall_after_a_file_was_removed(home: Home) -> None:
    before = home.tree()
    home.done()
    home.settings.unlink()
    home.skill.unlink()

    home.done("--uninstall")

    assert home.tree() == before


def test_a_skill_that_the_user_changed_stays(home: Home) -> None:
    home.done()
    home.skill.write_text("mine now")

    result = home.done("--uninstall")

    assert home.skill.read_text() == "mine now"
    assert str(home.skill) in result.out


def test_uninstalling_what_is_not_there_says_so(home: Home) -> None:
    before = home.tree()

    result = home.done("--uninstall")

    assert "nothing" in result.out
    assert home.tree() == before


def test_a_foreign_server_of_our_name_is_refused(home: Home) -> None:
    home.servers.write_text('{"mcpServers": {\n  "weilink": {"command": "docker"}}}')
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 1
    assert "line 2" in result.err and "mcpServers.weilink" in result.err
    assert home.tree() == before


def test_a_foreign_skill_of_our_name_is_refused(home: Home) -> None:
    home.skill.parent.mkdir(parents=True)
    home.skill.write_text("something else")
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 1
    assert str(home.skill) in result.err
    assert home.tree() == before


def test_older_installs_of_ours_are_replaced_and_come_back(home: Home) -> None:
    old = {"hooks": [{"type": "command", "command": "python3 /old/.weilink/hooks/weilink_hook.py"}]}
    theirs = {"hooks": [{"type": "command", "command": "theirs"}]}
    home.write_settings(
        json.dumps({"hooks": {"UserPromptSubmit": [old, theirs, old]}}, indent=1).encode()
    )
    home.servers.write_text('{"mcpServers":{"weilink":{"command":"weilink","args":["mcp"]}}}')
    before = home.tree()

    home.done()

    commands = home.hooks("UserPromptSubmit")
    assert len(commands) == 2 and commands[1] == "theirs"
    assert str(home.script) in commands[0]
    home.done("--uninstall")
    assert home.tree() == before


def test_a_moved_interpreter_is_updated_in_place(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_settings(FOREIGN)
    before = home.tree()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "_base_executable", "/old/python3", raising=False)
        home.done()
    assert "/old/python3" in home.settings.read_text()

    home.done()

    assert len(home.hooks("UserPromptSubmit")) == 2
    assert "/old/python3" not in home.settings.read_text()
    home.done("--uninstall")
    assert home.tree() == before


@pytest.mark.parametrize(
    "name", ["with space", "微信 文件", 'it\'s "quoted" $HOME `x`', "emoji 🐼"]
)
def test_any_name_of_a_home_works(make_home: Any, tmp_path: Path, name: str) -> None:
    home = make_home(tmp_path / name)
    before = home.tree()
    home.done()
    # What the agent would run: a script in the place of ours answers.
    home.script.write_text("import sys; print(sys.argv[1], __file__); sys.exit(2)")

    ran = subprocess.run(home.hooks("SessionStart")[0], shell=True, capture_output=True)

    assert ran.returncode == 2
    assert ran.stdout.decode().strip() == f"claude {home.script}"
    home.script.unlink()
    gone = subprocess.run(home.hooks("SessionStart")[0], shell=True, capture_output=True)
    assert (gone.returncode, gone.stdout, gone.stderr) == (0, b"", b"")
    home.done("--uninstall")
    assert home.tree() == before


def test_the_hook_finds_another_interpreter(home: Home) -> None:
    home.done()
    home.script.write_text("print('here')")
    command = home.hooks("SessionStart")[0]
    recorded = command.split("p=", 1)[1].split(";", 1)[0]

    ran = subprocess.run(command.replace(recorded, "/gone/python"), shell=True, capture_output=True)
    none = subprocess.run(
        ["/bin/sh", "-c", command.replace(recorded, "/gone/python")],
        env={"PATH": str(home.project)},
        capture_output=True,
    )

    assert ran.stdout == b"here\n"
    assert (none.returncode, none.stdout, none.stderr) == (0, b"", b"")
