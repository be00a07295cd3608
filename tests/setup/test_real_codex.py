"""The real Codex agrees with what `weilink setup codex` did."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomlkit

from tests.agents.codex import Codex
from tests.agents.conftest import codex, codex_program, hook, model
from tests.agents.hooks import context, printing
from tests.agents.model import Call, Model, Say
from tests.setup.real import beside, doctor, set_up
from tests.support.fixtures import phone
from tests.support.server import Server
from weilink.sandbox.phone import Phone

__all__ = ["codex", "codex_program", "hook", "model", "phone"]
pytestmark = pytest.mark.agents


@pytest.fixture
def server(phone: Phone, codex: Codex, tmp_path: Path) -> Iterator[Server]:
    with beside(codex, phone, tmp_path / "weilink") as server:
        yield server


def test_a_waiting_message_travels_into_the_prompt_and_uninstall_ends_it(
    codex: Codex, server: Server, model: Model, phone: Phone, tmp_path: Path
) -> None:
    codex.hook("UserPromptSubmit", printing(tmp_path, context("UserPromptSubmit", "MARK-THEIRS")))
    codex.trust_hooks()
    config, hooks = codex.config.read_bytes(), codex.hooks.read_bytes()

    set_up(server, "codex")

    assert [hook["trustStatus"] for hook in codex.list_hooks()] == ["trusted"] * 5
    assert "weilink" in codex.run("mcp", "list").stdout
    phone.write_all(["帮我看看 tests", "长" * 2000])
    server.wait_stored(2)
    assert codex.prompt("any news?").code == 0
    text = model.turns[0].text
    assert "帮我看看 tests" in text and "长" * 2000 in text
    assert "MARK-THEIRS" in text

    set_up(server, "codex", "--uninstall")

    assert (codex.config.read_bytes(), codex.hooks.read_bytes()) == (config, hooks)
    assert [hook["trustStatus"] for hook in codex.list_hooks()] == ["trusted"]
    assert "weilink" not in codex.run("mcp", "list").stdout
    phone.write("nobody hears this")
    server.wait_stored(3)
    codex.prompt("again")
    assert "nobody hears this" not in json.dumps(model.turns[-1].body)


def test_hooks_of_others_behind_ours_are_still_trusted(
    codex: Codex, server: Server, model: Model, tmp_path: Path
) -> None:
    set_up(server, "codex")
    theirs = printing(tmp_path, context("UserPromptSubmit", "MARK-THEIRS"))
    codex.hook("UserPromptSubmit", theirs)
    codex.trust_hooks()

    said = set_up(server, "codex", "--uninstall")

    assert "trusted as before" in said
    assert [(h["command"], h["trustStatus"]) for h in codex.list_hooks()] == [(theirs, "trusted")]
    codex.prompt("hello")
    assert "MARK-THEIRS" in model.turns[0].text


def test_without_trust_nothing_is_carried_and_setup_says_so(
    codex: Codex, server: Server, model: Model, phone: Phone
) -> None:
    said = set_up(server, "codex", "--no-trust")

    assert "/hooks" in said
    assert {hook["trustStatus"] for hook in codex.list_hooks()} == {"untrusted"}
    phone.write("not yet")
    server.wait_stored(1)
    codex.prompt("hello")
    assert "not yet" not in json.dumps(model.turns[0].body)

    set_up(server, "codex")
    codex.prompt("hello")
    assert "not yet" in model.turns[1].text


def test_hooks_in_the_toml_are_trusted_too(
    codex: Codex, server: Server, model: Model, phone: Phone, tmp_path: Path
) -> None:
    theirs = printing(tmp_path, context("SessionStart", "MARK-THEIRS"))
    codex.configure(
        {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": theirs}]}]}}
    )
    codex.trust_hooks()
    before = codex.config.read_bytes()

    set_up(server, "codex")

    assert not codex.hooks.exists()
    assert [hook["trustStatus"] for hook in codex.list_hooks()] == ["trusted"] * 5
    phone.write("through the TOML")
    server.wait_stored(1)
    codex.prompt("hello")
    assert "through the TOML" in model.turns[0].text
    set_up(server, "codex", "--uninstall")
    assert codex.config.read_bytes() == before


def test_the_tools_can_be_called_as_the_user_allowed(
    codex: Codex, server: Server, model: Model, phone: Phone
) -> None:
    set_up(server, "codex")
    # Another setup leaves what the user wrote. Without "required", the newer Codex asks the model
    # before the server has started.
    header = "[mcp_servers.weilink]\n"
    more = 'default_tools_approval_mode = "approve"\nrequired = true\n'
    codex.config.write_text(codex.config.read_text().replace(header, header + more))
    set_up(server, "codex", "--hooks", "prompt")
    phone.write("hello")
    server.wait_stored(1)
    arguments = {"to": phone.user_id(), "text": "answer from Codex"}
    model.script(Call("mcp__weilink__send", arguments), Say("done"))

    assert codex.prompt("answer them").code == 0

    (answer,) = phone.wait_for()
    assert answer.text == "answer from Codex"


def test_a_project_of_its_own(codex: Codex, server: Server, model: Model, phone: Phone) -> None:
    before = codex.config.read_bytes()
    scope = ("--scope", "project")
    in_project = {**server.env, "PWD": str(codex.work)}

    def weilink(*arguments: str) -> str:
        command = [sys.executable, "-m", "weilink", *arguments]
        ran = subprocess.run(
            command, cwd=codex.work, env=in_project, capture_output=True, text=True
        )
        assert ran.returncode in (0, 1), ran.stderr
        return ran.stdout

    said = weilink("setup", "codex", "--yes", *scope)
    assert "trusts WeiLink's hooks now" in said, said
    assert {(h["source"], h["trustStatus"]) for h in codex.list_hooks()} == {("project", "trusted")}
    findings = json.loads(weilink("doctor", "--json"))["findings"]
    levels = {finding["check"]: finding["level"] for finding in findings}
    assert levels["codex.server"] == levels["codex.trust"] == levels["codex.files"] == "ok"
    phone.write("to this project")
    server.wait_stored(1)
    assert codex.prompt("any news?").code == 0
    assert "to this project" in model.turns[0].text

    weilink("setup", "codex", "--yes", *scope, "--uninstall")
    assert codex.config.read_bytes() == before
    assert codex.list_hooks() == []
    assert not (codex.work / ".codex").exists()


def test_the_doctor_lets_codex_connect_to_the_server(codex: Codex, server: Server) -> None:
    set_up(server, "codex")
    assert doctor(server, "codex.server")["what"] == "Codex reaches the MCP server"
    assert doctor(server, "codex.trust")["level"] == "ok"

    entry = tomlkit.parse(codex.config.read_text()).unwrap()["mcp_servers"]["weilink"]
    codex.configure({"mcp_servers": {"weilink": {**entry, "command": "/gone/python"}}})
    found = doctor(server, "codex.server")
    assert found["level"] == "error", found
    assert "does not reach" in found["what"] and found["cure"] == "weilink setup codex"
