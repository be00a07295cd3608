"""What hooks of the other events do, in both programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.hooks import Hook, context, printing
from tests.agents.model import Call, Model, Say
from tests.agents.programs import OLD
from tests.agents.server import mcp_server

pytestmark = pytest.mark.agents

SEND = Call("mcp__weilink__send", {"to": "u", "text": "hi"})


@pytest.fixture(params=["claude", "codex"])
def agent(request: pytest.FixtureRequest) -> Claude | Codex:
    found: Claude | Codex = request.getfixturevalue(request.param)
    return found


def ready(agent: Claude | Codex, approved: bool = True) -> None:
    """Have the tool there, and trust the hooks."""
    if isinstance(agent, Codex):
        agent.server("weilink", mcp_server(), approved=approved)
        agent.trust_hooks()
    else:
        agent.server("weilink", mcp_server())
        if approved:
            agent.allow("mcp__weilink__send")


def test_context_after_tool_comes_in_the_turn(
    agent: Claude | Codex, model: Model, tmp_path: Path
) -> None:
    agent.hook("PostToolUse", printing(tmp_path, context("PostToolUse", "MARK-CONTEXT")), "*")
    ready(agent)
    model.script(SEND)
    agent.prompt("hello")
    assert [turn.text.count("MARK-CONTEXT") for turn in model.turns] == [0, 1]


def test_stop_hook_makes_agent_go_on(agent: Claude | Codex, model: Model, hook: Hook) -> None:
    agent.hook("Stop", hook.command)
    ready(agent)
    model.script(Say("MARK-ANSWER"))
    with hook.answering({"decision": "block", "reason": "MARK-REASON"}, None) as calls:
        agent.prompt("hello")
    assert [call.input["stop_hook_active"] for call in calls] == [False, True]
    assert calls[0].input["last_assistant_message"] == "MARK-ANSWER"
    # Claude Code now says the same twice: as feedback, and as an error of the hook.
    times = 1 if isinstance(agent, Codex) or OLD else 2
    assert [turn.text.count("MARK-REASON") for turn in model.turns] == [0, times]


def test_context_of_stop_hook_makes_claude_go_on(claude: Claude, model: Model, hook: Hook) -> None:
    """With the text once, unlike the decision to block."""
    claude.hook("Stop", hook.command)
    with hook.answering(context("Stop", "MARK-CONTEXT"), None) as calls:
        claude.prompt("hello")
    assert [call.input["stop_hook_active"] for call in calls] == [False, True]
    assert [turn.text.count("MARK-CONTEXT") for turn in model.turns] == [0, 1]


def test_context_of_stop_hook_does_not_reach_codex(
    codex: Codex, model: Model, tmp_path: Path
) -> None:
    codex.hook("Stop", printing(tmp_path, context("Stop", "MARK-CONTEXT")))
    codex.trust_hooks()
    codex.prompt("hello")
    codex.prompt("hello again", resume=model.turns[0].session)
    assert len(model.turns) == 2
    assert "MARK-CONTEXT" not in json.dumps([turn.body for turn in model.turns])


@pytest.mark.parametrize("behavior", ["allow", "deny"])
def test_permission_hook_decides(
    agent: Claude | Codex, model: Model, tmp_path: Path, behavior: str
) -> None:
    if OLD and isinstance(agent, Claude):
        pytest.skip("the older version does not run this hook in print mode")
    decision = {"behavior": behavior, **({"message": "MARK-NO"} if behavior == "deny" else {})}
    output = {"hookEventName": "PermissionRequest", "decision": decision}
    command = printing(tmp_path, {"hookSpecificOutput": output})
    agent.hook("PermissionRequest", command, "*")
    ready(agent, approved=False)
    model.script(SEND)
    agent.prompt("hello")
    (result,) = model.turns[1].results
    assert ("sent hi to u" in result) == (behavior == "allow")
    assert ("MARK-NO" in result) == (behavior == "deny")


def test_context_at_the_end_does_not_reach_model(
    agent: Claude | Codex, model: Model, tmp_path: Path
) -> None:
    agent.hook("SessionEnd", printing(tmp_path, context("SessionEnd", "MARK-CONTEXT")))
    ready(agent)
    agent.prompt("hello")
    agent.prompt("hello again", resume=model.turns[0].session)
    assert "MARK-CONTEXT" not in json.dumps([turn.body for turn in model.turns])
