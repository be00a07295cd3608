"""What Claude Code in print mode sends to the model."""

from __future__ import annotations

import json
from concurrent import futures
from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.hooks import Hook, context, printing
from tests.agents.model import Call, Model, Say
from tests.agents.server import mcp_server

pytestmark = pytest.mark.agents


def test_prompt_and_answer(claude: Claude, model: Model) -> None:
    model.script(Say("hello from the model"))
    run = claude.prompt("hello from the user")
    assert (run.code, run.stdout.strip()) == (0, "hello from the model"), run
    assert "hello from the user" in model.wait_for_text("hello from the user").text


def test_conversation_goes_on(claude: Claude, model: Model) -> None:
    claude.prompt("first")
    claude.prompt("second", "--continue")
    claude.prompt("third", resume=model.turns[0].session)
    first, second, third = model.turns
    assert first.session == second.session == third.session
    assert "first" in third.text
    assert "first" not in second.new_text
    assert "second" in second.new_text
    assert "second" not in third.new_text


@pytest.mark.parametrize("event", ["UserPromptSubmit", "SessionStart"])
def test_context_of_hook_reaches_model(
    claude: Claude, model: Model, tmp_path: Path, event: str
) -> None:
    claude.hook(event, printing(tmp_path, context(event, "MARK-CONTEXT")))
    claude.prompt("hello")
    assert model.turns[0].text.count("MARK-CONTEXT") == 1


@pytest.mark.parametrize("event", ["UserPromptSubmit", "SessionStart"])
def test_bare_context_does_not(claude: Claude, model: Model, tmp_path: Path, event: str) -> None:
    claude.hook(event, printing(tmp_path, {"additionalContext": "MARK-CONTEXT"}))
    claude.prompt("hello")
    assert "MARK-CONTEXT" not in json.dumps(model.turns[0].body)


def test_scripted_call_of_mcp_tool(claude: Claude, model: Model) -> None:
    claude.server("weilink", mcp_server())
    model.script(Call("mcp__weilink__send", {"to": "u", "text": "hi"}), Say("done"))
    run = claude.prompt("go", "--allowedTools=mcp__weilink__send")
    assert run.stdout.strip() == "done"
    # Structured content stands in for the text where a tool returns both.
    assert model.turns[1].results == ['{"result":"sent hi to u"}']


def test_tool_that_is_not_allowed_is_refused(claude: Claude, model: Model) -> None:
    claude.server("weilink", mcp_server())
    model.script(Call("mcp__weilink__send", {"to": "u", "text": "hi"}))
    claude.prompt("go")
    (result,) = model.turns[1].results
    assert "permission" in result
    assert "sent" not in result


def test_print_mode_waits_for_background_hook_and_drops_its_text(
    claude: Claude, model: Model, hook: Hook
) -> None:
    """So a hook that waits for messages must not do so here; it can tell by its environment."""
    claude.hook("SessionStart", hook.command, asyncRewake=True, timeout=600, async_=True)
    with futures.ThreadPoolExecutor() as threads:
        run = threads.submit(claude.prompt, "hello")
        waiting = hook.wait()
        assert waiting.env["CLAUDE_CODE_ENTRYPOINT"] == "sdk-cli"
        model.wait_for_text("hello")
        with pytest.raises(futures.TimeoutError):
            run.result(3)
        waiting.answer(stderr="MARK-WAKE", code=2)
        assert run.result(10).code == 0
    assert len(model.turns) == 1
    assert "MARK-WAKE" not in json.dumps(model.turns[0].body)
