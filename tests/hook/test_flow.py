"""Nothing that hooks hand over is read before what came earlier."""

from __future__ import annotations

import json

from weilink.server.hooks.flow import Flow
from weilink.server.hooks.given import HookCall, read_call
from weilink.store.agentsessions import AgentSession, AgentState


def call(agent: str, event: str, prompt: str = "") -> HookCall:
    given = {"hook_event_name": event, "session_id": "s", "prompt": prompt}
    found = read_call(agent, "", {}, json.dumps(given).encode())
    assert found is not None
    return found


def session(agent: str, state: AgentState, prompted_at: int = 1) -> AgentSession:
    return AgentSession("s", agent, 1, "/", 1, 1.0, True, True, state, 1, prompted_at, 0, 0)


def test_what_codex_was_given_as_prompts_goes_before_what_its_hooks_could_have() -> None:
    flow = Flow()
    for text in ("[WeiLink] one\n", "[WeiLink] two\n"):
        flow.woken(session("codex", AgentState.IDLE), text)
    assert flow.overtakes(call("codex", "PostToolUse"))
    assert flow.overtakes(call("codex", "UserPromptSubmit", "typed meanwhile"))
    assert flow.overtakes(call("codex", "UserPromptSubmit", "[WeiLink] one"))
    assert flow.overtakes(call("codex", "Stop"))
    assert not flow.overtakes(call("codex", "UserPromptSubmit", "[WeiLink] two"))
    assert not flow.overtakes(call("codex", "PostToolUse"))


def test_what_codex_did_not_take_holds_up_nothing() -> None:
    flow = Flow()
    flow.woken(session("codex", AgentState.IDLE), "[WeiLink] one")
    flow.not_woken("s", "[WeiLink] one")
    assert not flow.overtakes(call("codex", "PostToolUse"))
    # One that the user took out of the queue is passed over with the next.
    for text in ("[WeiLink] one", "[WeiLink] two"):
        flow.woken(session("codex", AgentState.IDLE), text)
    assert not flow.overtakes(call("codex", "UserPromptSubmit", "[WeiLink] two"))


def test_codex_without_a_hook_on_prompts_is_not_held_up() -> None:
    flow = Flow()
    flow.woken(session("codex", AgentState.IDLE, prompted_at=0), "[WeiLink] one")
    assert not flow.overtakes(call("codex", "PostToolUse"))


def test_claude_woken_at_work_reads_that_with_its_next_request() -> None:
    flow = Flow()
    flow.woken(session("claude", AgentState.IDLE), "[WeiLink] one")
    assert not flow.overtakes(call("claude", "PostToolUse"))
    flow.woken(session("claude", AgentState.WORKING), "[WeiLink] two")
    assert flow.overtakes(call("claude", "PostToolUse"))
    assert not flow.overtakes(call("claude", "PostToolUse"))
    flow.woken(session("claude", AgentState.WORKING), "[WeiLink] three")
    assert flow.overtakes(call("claude", "Stop"))
    assert not flow.overtakes(call("claude", "PostToolUse"))


def test_a_session_that_ended_leaves_nothing() -> None:
    flow = Flow()
    flow.woken(session("codex", AgentState.IDLE), "[WeiLink] one")
    flow.went_on("s")
    flow.over("s")
    assert not flow.overtakes(call("codex", "PostToolUse"))
    assert not flow.just_went_on("s")
