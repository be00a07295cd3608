"""`weilink doctor`: every finding has its cure, and the cure cures it."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from tests.setup.conftest import Home, home, make_home
from tests.setup.test_codex import codex, commands, listed, program, write_hooks
from tests.support.server import Server
from weilink.cli.main import run
from weilink.doctor import policies, screen
from weilink.doctor.finding import Finding, Level
from weilink.sandbox.process import SandboxProcess

__all__ = ["codex", "home", "make_home", "program"]

Findings = dict[str, list[dict[str, str]]]


@pytest.fixture
def examine(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the doctor; returns its exit code and its findings by the name of the check."""

    def doctor() -> tuple[int, Findings]:
        capsys.readouterr()
        code = run(["doctor", "--json"])
        found: Findings = {}
        for finding in json.loads(capsys.readouterr().out)["findings"]:
            assert set(finding) == {"check", "level", "what", "why", "cure"}
            if finding["level"] != "ok":
                assert finding["why"] or finding["level"] == "note", finding
            found.setdefault(finding["check"], []).append(finding)
        return code, found

    return doctor


def levels(found: Findings, check: str) -> list[str]:
    return [finding["level"] for finding in found.get(check, [])]


def test_nothing_is_there_yet(home: Home, examine: Any) -> None:
    before = home.tree()

    code, found = examine()

    assert code == 0
    assert levels(found, "setup") == levels(found, "bots") == ["warning"]
    assert found["bots"][0]["cure"] == "weilink login"
    assert home.tree() == before, "the doctor only looks"


def test_all_in_place(home: Home, examine: Any) -> None:
    home.done()

    _, found = examine()

    assert levels(found, "claude.files") == ["ok"]
    assert levels(found, "files") == levels(found, "hook") == ["ok"]
    # The program is not there, in this home.
    assert levels(found, "claude.program") == ["warning"]


@pytest.mark.parametrize("what", ["hook", "script", "server", "skill"])
def test_what_is_missing_is_found_and_cured(home: Home, examine: Any, what: str) -> None:
    home.done("--transport", "http", "--hooks", "prompt,turn")
    if what == "hook":
        home.write_settings(b"{}")
    elif what == "script":
        home.script.write_text("# WeiLink, an old one")
    elif what == "server":
        home.servers.write_text("{}")
    else:
        home.skill.unlink()

    code, found = examine()

    (finding,) = found["claude.files"]
    assert (code, finding["level"]) == (1, "error")
    assert finding["cure"] == "weilink setup claude --transport http --hooks prompt,turn"
    assert run([*finding["cure"].split()[1:], "--yes"]) == 0
    assert levels(examine()[1], "claude.files") == ["ok"]


def test_a_file_that_is_not_valid_is_named_with_its_place(home: Home, examine: Any) -> None:
    home.done()
    home.settings.write_text("{\n  nonsense")

    code, found = examine()

    assert code == 1
    (finding,) = found["claude.files"]
    assert f"{home.settings}, line 2, column 3" in finding["what"]
    assert finding["cure"] == "mend the file, then run: weilink setup claude"


def test_files_that_others_can_read(home: Home, examine: Any) -> None:
    home.done()
    home.base.chmod(0o755)
    (home.base / "setup").chmod(0o755)

    code, found = examine()

    (finding,) = found["files"]
    assert (code, finding["level"]) == (1, "error")
    assert finding["cure"] == f"chmod -R go= '{home.base}'"
    home.base.chmod(0o700)
    assert levels(examine()[1], "files") == ["ok"]


def test_an_interrupted_setup_is_told(home: Home, examine: Any) -> None:
    home.done()
    (home.base / "setup" / "journal.json").write_text("{}")

    assert "interrupted" in examine()[1]["setup"][0]["what"]


def test_a_project_that_is_gone_is_only_a_note(home: Home, examine: Any) -> None:
    home.done("--scope", "project")
    shutil.rmtree(home.project)

    # This is also the current folder.
    code, found = examine()

    assert (code, levels(found, "claude.files")) == (0, ["note"])


def test_hooks_that_stand_twice(home: Home, examine: Any) -> None:
    home.done()
    content = json.loads(home.settings.read_bytes())
    groups = content["hooks"]["UserPromptSubmit"]
    old = {"hooks": [{"type": "command", "command": "python3 /old/weilink_hook.py claude"}]}
    groups.append(old)
    home.settings.write_text(json.dumps(content))

    (finding,) = examine()[1]["claude.leftovers"]
    assert "twice" in finding["what"]
    assert run([*finding["cure"].split()[1:], "--yes"]) == 0
    assert "claude.leftovers" not in examine()[1]


def test_what_weilink_0_6_left(codex: Home, examine: Any) -> None:
    plugin = codex.root / ".claude/plugins/weilink"
    plugin.parent.mkdir(parents=True)
    plugin.symlink_to("/gone")
    codex.agent = "claude"
    codex.done()
    # As its `weilink setup codex` writes it.
    old = "python3 ~/.codex/hooks/weilink_poll_inject.py"
    script = codex.root / ".codex/hooks/weilink_poll_inject.py"
    codex.write(script, "# 0.6")
    theirs = {"hooks": [{"type": "command", "command": "theirs"}]}
    write_hooks(codex, {"hooks": [{"type": "command", "command": old, "timeout": 5}]}, theirs)
    codex.agent = "codex"
    codex.done("--hooks", "none")
    before = codex.codex_hooks.read_bytes()

    found = examine()[1]

    assert [finding["cure"] for finding in found["claude.leftovers"]] == [f"rm '{plugin}'"]
    file, hook = found["codex.leftovers"]
    assert file["cure"] == f"rm '{script}'"
    assert "0.6 (UserPromptSubmit)" in hook["what"]
    # The cure shows what it does, leaves what is not from 0.6 where it is, and can be undone.
    cure = hook["cure"].split()[1:]
    assert run([*cure, "--dry-run"]) == 0 and codex.codex_hooks.read_bytes() == before
    assert run([*cure, "--yes"]) == 0
    script.unlink()
    ours, other = commands(codex)
    assert "weilink_hook.py" in ours and other == "theirs"
    assert "codex.leftovers" not in examine()[1]
    codex.done("--uninstall")
    assert codex.codex_hooks.read_bytes() == before


def test_trust_is_looked_at(codex: Home, program: Path, examine: Any) -> None:
    codex.done("--no-trust")

    code, found = examine()

    assert (code, levels(found, "codex.trust")) == (1, ["error"])
    assert found["codex.trust"][0]["cure"].startswith("weilink setup codex")
    codex.done()
    assert levels(examine()[1], "codex.trust") == ["ok"]
    assert set(listed(codex).values()) == {"trusted"}


def test_trust_that_cannot_be_asked_for(
    codex: Home, program: Path, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    codex.done()
    monkeypatch.setenv("STAND_IN", "refuses hooks/list")

    assert levels(examine()[1], "codex.trust") == ["warning"]


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("weilink: python3 -m weilink mcp - ✔ Connected", "ok"),
        ("weilink: python3 -m weilink mcp - ✗ Failed to connect", "error"),
        ("weilink: x - ⏸ Pending approval (run `claude` to approve)", "warning"),
        ("other: /home/me/weilink/x - ✔ Connected", "error"),
    ],
)
def test_the_agent_is_asked_for_its_servers(
    home: Home, examine: Any, monkeypatch: pytest.MonkeyPatch, said: str, level: str
) -> None:
    home.done()
    command = home.root / "bin" / "claude"
    home.write(command, f'#!/bin/sh\n[ "$1" = mcp ] && echo "{said}" || echo 2.1.330\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")

    assert levels(examine()[1], "claude.server") == [level]


def test_a_server_that_has_to_be_kept_running_is_started(
    home: Home, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.done("--transport", "http")
    command = home.root / "bin" / "claude"
    said = "weilink: http://127.0.0.1:8000/mcp (HTTP) - ✗ Failed to connect"
    home.write(command, f'#!/bin/sh\n[ "$1" = mcp ] && echo "{said}" || echo 2.1.330\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")

    assert examine()[1]["claude.server"][0]["cure"].startswith("weilink mcp -t http ")


def test_a_list_that_fails_is_not_taken_for_an_answer(
    home: Home, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.done()
    command = home.root / "bin" / "claude"
    home.write(command, '#!/bin/sh\n[ "$1" = mcp ] && echo no 1>&2 && exit 1 || echo 2.1.330\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")

    assert levels(examine()[1], "claude.server") == ["warning"]


def test_codex_connects_to_the_server(
    codex: Home, program: Path, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    codex.done()
    assert levels(examine()[1], "codex.server") == ["ok"]

    text = codex.codex.read_text()
    codex.write(codex.codex, text.replace(sys.executable, "/gone/python"))
    (finding,) = examine()[1]["codex.server"]
    assert finding["level"] == "error" and "No such file" in finding["what"]

    codex.write(codex.codex, text.replace("mcp_servers.weilink", "mcp_servers.other"))
    assert "does not know" in examine()[1]["codex.server"][0]["what"]

    monkeypatch.setenv("STAND_IN", "refuses mcpServerStatus/list")
    assert levels(examine()[1], "codex.server") == ["warning"]


def test_policies_that_switch_hooks_off(
    codex: Home, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    managed = codex.root / "etc"
    monkeypatch.setattr(policies, "managed_claude", lambda: [managed / "claude.json"])
    monkeypatch.setattr(policies, "managed_codex", lambda: [managed / "codex.toml"])
    codex.done()
    codex.agent = "claude"
    codex.done()
    assert "claude.policy" not in examine()[1] and "codex.policy" not in examine()[1]

    codex.write(managed / "claude.json", '{"allowManagedHooksOnly": true}')
    codex.write(managed / "codex.toml", "[features]\nhooks = false\n")
    codex.write(codex.project / ".claude/settings.local.json", '{"disableAllHooks": true}')
    found = examine()[1]

    assert ["allowManagedHooksOnly" in f["what"] for f in found["claude.policy"]] == [True, False]
    assert "who manages" in found["claude.policy"][0]["cure"]
    assert "disableAllHooks" in found["claude.policy"][1]["cure"]
    assert levels(found, "codex.policy") == ["error"]


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_where_policies_are(system: str) -> None:
    assert policies.managed_claude(system)[0].name == "managed-settings.json"
    assert "codex" in str(policies.managed_codex(system)[0]).lower()


def test_a_hook_that_fails_or_hangs(
    home: Home, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.done()
    home.script.write_text("# weilink\nraise SystemExit('broken')")
    assert "broken" in examine()[1]["hook"][0]["what"]

    from weilink.doctor import running

    monkeypatch.setattr(running, "_SECONDS", 0.3)
    home.script.write_text("# weilink\nimport time; time.sleep(60)")
    assert "did not end" in examine()[1]["hook"][0]["what"]


@pytest.fixture
def running(home: Home) -> Iterator[Server]:
    """A server on the home's base path."""
    sandbox = SandboxProcess.start()
    server = Server.logged_in(home.base, sandbox.phone)
    try:
        yield server
    finally:
        server.close()
        sandbox.stop()


def test_a_running_server_and_its_bot(running: Server, home: Home, examine: Any) -> None:
    running.phone.write("hello")
    running.wait_stored(1)

    _, found = examine()

    for check in ("leader", "endpoint", "hook", "bots", "replies"):
        assert levels(found, check) == ["ok"], found.get(check)

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        file = home.base / "run" / "recv"
        host, _, secret, pid = file.read_text().split()
        file.write_text(f"{host} {port} {secret} {pid}\n")
        assert levels(examine()[1], "endpoint") == ["error"]


def test_people_read_what_why_and_cure(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0

    out = capsys.readouterr().out
    assert "! No bot is logged in\n    Nobody can write to your agents.\n    → weilink login" in out


def test_text_fits_and_commands_can_be_copied() -> None:
    command = "weilink setup codex --transport http --hooks " + "prompt,session,turn " * 5
    finding = Finding("x", Level.ERROR, "没有收到消息 " * 20, "words " * 40, command)
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)

    screen.line(console, finding)
    screen.line(console, replace(finding, cure="ask " * 40))

    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "    → " + command in lines
    lines.remove("    → " + command)
    assert max(map(cell_len, lines)) <= 80
    starts = {line[: len(line) - len(line.lstrip(" "))] for line in lines}
    assert starts == {"", "  ", "    ", "      "}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces")
def test_the_real_places_of_policies_are_read(
    codex: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In a mount namespace of its own, where `/etc` is ours for the length of the test."""
    codex.done()
    codex.agent = "claude"
    codex.done()
    own = tmp_path_factory.mktemp("own")
    script = f"""
        mount -t tmpfs tmpfs {own} && mkdir {own}/upper {own}/work || exit 77
        layers=lowerdir=/etc,upperdir={own}/upper,workdir={own}/work
        mount -t overlay overlay -o $layers /etc && mkdir /etc/claude-code /etc/codex || exit 77
        echo '{{"disableAllHooks": true}}' > /etc/claude-code/managed-settings.json
        printf '[features]\\nhooks = false\\n' > /etc/codex/requirements.toml
        exec {sys.executable} -P -m weilink doctor --json
    """
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    home = {**os.environ, "HOME": str(codex.root)}
    ran = subprocess.run(command, cwd="/", env=home, capture_output=True, text=True)
    if ran.returncode == 77 or "unshare" in ran.stderr:
        pytest.skip(f"not allowed here: {ran.stderr}")

    findings = {f["check"]: f for f in json.loads(ran.stdout)["findings"] if f["level"] == "error"}
    assert "/etc/claude-code/managed-settings.json" in findings["claude.policy"]["what"]
    assert "/etc/codex/requirements.toml" in findings["codex.policy"]["what"]
    assert not Path("/etc/claude-code").exists()


def test_a_server_that_is_just_ending_is_no_fault(
    home: Home, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that an agent started to look at it, for instance: it has taken its address back."""
    home.done()
    from weilink.doctor import running

    led = iter([True, True])
    monkeypatch.setattr(running, "is_led", lambda base: next(led, False))

    assert "endpoint" not in examine()[1]


@pytest.mark.parametrize("text", ["nonsense =", "log_levle = 'INFO'", "log_level = 5"])
def test_a_broken_config_is_one_finding_among_the_others(
    home: Home, examine: Any, text: str
) -> None:
    home.done()
    home.write(home.base / "config.toml", text)

    code, found = examine()

    (finding,) = found["settings"]
    assert (code, finding["level"]) == (1, "error")
    assert str(home.base / "config.toml") in finding["what"]
    assert finding["cure"]
    assert {"files", "leader", "claude.files", "bots"} <= set(found)
    (home.base / "config.toml").unlink()
    assert "settings" not in examine()[1]


def test_a_token_that_is_broken_and_a_login_that_has_ended(
    home: Home, examine: Any, tmp_path: Path
) -> None:
    sandbox = SandboxProcess.start()
    try:
        server = Server.logged_in(home.base, sandbox.phone, start=False)
        sandbox.phone.lab.make_stale()
        for name in ("at work", "broken"):
            (home.base / name).mkdir(mode=0o700)
        (home.base / "default").rename(home.base / "at work")
        (home.base / "broken" / "token.json").write_text("{")
        server.weilink("recv", "-t", "0.1")
    finally:
        sandbox.stop()

    found = examine()[1]["bots"]

    assert [finding["level"] for finding in found] == ["error", "error"]
    assert "token.json" in found[0]["what"]
    assert [f["cure"] for f in found] == ["weilink login broken", "weilink login 'at work'"]


@pytest.mark.slow
def test_a_network_that_is_down_is_not_cured_by_a_login(
    running: Server, home: Home, examine: Any
) -> None:
    running.phone.lab.fault("drop", "*/getupdates", times=None)
    running.phone.write("ends the poll that is held")
    deadline = time.monotonic() + 30
    while not running.json("sessions")["sessions"][0]["problem"]:
        assert time.monotonic() < deadline

    (finding,) = examine()[1]["bots"]

    assert finding["level"] == "error"
    assert "network" in finding["cure"]


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities")
def test_a_base_path_that_cannot_be_looked_into(home: Home) -> None:
    home.done()
    home.base.chmod(0)
    command = [sys.executable, "-P", "-m", "weilink", "doctor", "--json"]
    if os.geteuid() == 0:
        # Root without the right to look into everything.
        less = "-dac_override,-dac_read_search"
        command = ["setpriv", "--bounding-set", less, "--inh-caps", less, *command]
    env = {**os.environ, "HOME": str(home.root)}
    try:
        ran = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no setpriv")
    finally:
        home.base.chmod(0o700)

    assert ran.returncode == 1, ran.stderr
    findings = json.loads(ran.stdout)["findings"]
    assert f"chmod u+rwx '{home.base}'" in [finding["cure"] for finding in findings]
