"""Hooks that ask the owner on the phone for an approval."""

from __future__ import annotations

import json

from weilink.agents.speech import SPEECHES, decision
from weilink.server.hooks.given import AFTER_TOOL, HookCall
from weilink.server.hooks.turns import Answer
from weilink.service import Service
from weilink.service.approving import Question
from weilink.service.processes import alive, started
from weilink.store.approvals import ApprovalState

ANSWER_MARGIN = 5.0
"""Seconds before the hook's own end at which the question is closed."""
# What a call of a tool is about, in the order of interest.
_TELLING = ("command", "file_path", "path", "url", "query", "pattern")


async def approve(service: Service, call: HookCall) -> Answer | None:
    """Ask whether the agent may use a tool; `None`: it asks at the computer, as usual."""
    seconds = call.seconds - ANSWER_MARGIN
    if call.agent not in SPEECHES or call.event != "PermissionRequest" or seconds <= 0:
        return None
    question = Question(
        agent=call.agent,
        session=call.session,
        cwd=call.cwd,
        tool=call.text("tool_name"),
        detail=detail_of(call),
        helper=call.in_subagent,
    )
    since = started(call.pid)
    # The hook of an agent that was killed lives on, and waits for an answer of no use.
    answer = await service.approving.ask(
        question, seconds, lambda: not since or alive(call.pid, since)
    )
    if answer is None:
        return None
    if answer.state is ApprovalState.ALLOWED:
        return Answer(decision("allow"))
    reason = answer.reason or "no reason was given"
    return Answer(decision("deny", f"Your user refused this from their phone: {reason}"))


async def follow(service: Service, call: HookCall) -> None:
    """Withdraw questions that were answered at the computer: nothing else tells of that.

    Claude Code asks at the computer too meanwhile, and leaves the hook running when it has the
    answer (measured with 2.1.330).
    """
    if call.purpose or not service.approving.asks(call.session):
        return
    if call.event in AFTER_TOOL:
        await service.approving.withdraw(call.session, call.text("tool_name"), detail_of(call))
        return
    typed = call.event == "UserPromptSubmit" and call.typed
    if (typed or call.event in ("Stop", "SessionEnd")) and not call.in_subagent:
        await service.approving.withdraw(call.session)


def detail_of(call: HookCall) -> str:
    """Return all that the tool is given: what is not shown must not be allowed."""
    given = call.given.get("tool_input")
    if isinstance(given, dict):
        said = {key: value for key, value in given.items() if key != "description"}
        for name in _TELLING:
            if list(said) == [name] and isinstance(said[name], str):
                return str(said[name])
    return json.dumps(given, ensure_ascii=False, indent=1)
