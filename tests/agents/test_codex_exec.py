"""What ``codex exec`` sends to the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.codex import Codex
from tests.agents.hooks import context, printing
from tests.agents.marks import newer
from tests.agents.model import Call, Model, Say
from tests.agents.server import mcp_server

pytestmark = pytest.mark.agents


def test_prompt_and_answer(codex: Codex, model: Model) -> None:
    model.script(Say("hello from the model"))
    run = codex.prompt("hello from the user")
    assert (run.code, run.stdout.strip()) == (0, "hello from the model"), run
    assert model.turns[0].text.count("hello from the user") == 1


def test_conversation_goes_on(codex: Codex, model: Model) -> None:
    codex.prompt("first")
    codex.prompt("second", resume=model.turns[0].session)
    first, second = model.turns
    assert first.session == second.session
    assert "first" in second.text
    assert second.new_text == "second"


@pytest.mark.parametrize("event", ["UserPromptSubmit", "SessionStart"])
def test_context_of_trusted_hook_reaches_model(
    codex: Codex, model: Model, tmp_path: Path, event: str
) -> None:
    codex.hook(event, printing(tmp_path, context(event, "MARK-CONTEXT")))
    codex.prompt("hello")
    assert "MARK-CONTEXT" not in json.dumps(model.turns[0].body)
    assert [hook["trustStatus"] for hook in codex.list_hooks()] == ["untrusted"]

    codex.trust_hooks()
    assert [hook["trustStatus"] for hook in codex.list_hooks()] == ["trusted"]
    codex.prompt("hello")
    assert model.turns[1].text.count("MARK-CONTEXT") == 1


def test_changed_hook_is_not_trusted_any_more(codex: Codex, model: Model, tmp_path: Path) -> None:
    command = printing(tmp_path, context("UserPromptSubmit", "MARK-CONTEXT"))
    codex.hook("UserPromptSubmit", command)
    codex.trust_hooks()
    codex.hooks.write_text(codex.hooks.read_text().replace(command, f"{command} "))
    codex.prompt("hello")
    assert "MARK-CONTEXT" not in json.dumps(model.turns[0].body)
    assert [hook["trustStatus"] for hook in codex.list_hooks()] == ["modified"]


def test_scripted_call_of_mcp_tool(codex: Codex, model: Model) -> None:
    codex.server("weilink", mcp_server())
    model.script(Call("mcp__weilink__send", {"to": "u", "text": "hi"}), Say("done"))
    run = codex.prompt("go")
    assert run.stdout.strip() == "done"
    (result,) = model.turns[1].results
    assert "sent hi to u" in result


@newer
def test_tool_that_is_not_approved_is_refused(codex: Codex, model: Model) -> None:
    codex.server("weilink", mcp_server(), approved=False)
    model.script(Call("mcp__weilink__send", {"to": "u", "text": "hi"}))
    codex.prompt("go")
    (result,) = model.turns[1].results
    assert "requires approval" in result
