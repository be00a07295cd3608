"""Nothing that hooks hand over is read before what came earlier."""

from __future__ import annotations

import json

from weilink.server.hooks.flow import Flow
from weilink.server.hooks.given import HookCall, read_call
from weilink.store.agentsessions import AgentSession, AgentState


def call(agent: str, event: str) -> HookCall:
    given = {"hook_event_name": event, "session_id": "s"}
    found = read_call(agent, "", {}, json.dumps(given).encode())
    assert found is not None
    return found


def session(agent: str, state: AgentState) -> AgentSession:
    return AgentSession("s", agent, 1, "/", 1, 1.0, True, True, True, state, 1, 1, 0, 0)


def test_claude_woken_at_work_reads_that_with_its_next_request() -> None:
    flow = Flow()
    flow.woken(session("claude", AgentState.IDLE))
    assert not flow.overtakes(call("claude", "PostToolUse"))
    flow.woken(session("claude", AgentState.WORKING))
    assert flow.overtakes(call("claude", "PostToolUse"))
    assert not flow.overtakes(call("claude", "PostToolUse"))
    flow.woken(session("claude", AgentState.WORKING))
    assert flow.overtakes(call("claude", "Stop"))
    assert not flow.overtakes(call("claude", "PostToolUse"))


def test_a_session_that_ended_leaves_nothing() -> None:
    flow = Flow()
    flow.woken(session("claude", AgentState.WORKING))
    flow.went_on("s")
    flow.over("s")
    assert not flow.overtakes(call("claude", "PostToolUse"))
    assert not flow.just_went_on("s")
