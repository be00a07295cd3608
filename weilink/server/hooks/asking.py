"""Hooks that ask the owner on the phone for an approval, or tell them what an agent does."""

from __future__ import annotations

import json

from weilink.agents.speech import SPEECHES, decision
from weilink.i18n import t
from weilink.server.hooks.given import HookCall
from weilink.server.hooks.turns import Answer
from weilink.service import Service
from weilink.service.approving import Question
from weilink.service.visible import visible
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
        detail=_detail(call.given.get("tool_input")),
    )
    answer = await service.approving.ask(question, seconds)
    if answer is None:
        return None
    if answer.state is ApprovalState.ALLOWED:
        return Answer(decision("allow"))
    reason = answer.reason or "no reason was given"
    return Answer(decision("deny", f"Your user refused this from their phone: {reason}"))


def _detail(given: object) -> str:
    """Return all that the tool is given: what is not shown must not be allowed."""
    if isinstance(given, dict):
        said = {key: value for key, value in given.items() if key != "description"}
        for name in _TELLING:
            if list(said) == [name] and isinstance(said[name], str):
                return str(said[name])
    return json.dumps(given, ensure_ascii=False, indent=1)


def notice(call: HookCall) -> str:
    """Return what to tell the owner of this event, "" for nothing."""
    place = {"agent": call.agent, "cwd": visible(call.cwd)}
    if call.event == "Stop":
        said = visible(call.text("last_assistant_message"))
        return t("{agent} finished in {cwd}:\n\n{said}", said=said, **place)
    if call.event == "Notification":
        # That it waits for a prompt was told when it finished.
        if call.text("notification_type") == "idle_prompt":
            return ""
        said = visible(call.text("message"))
        return t("{agent} needs you in {cwd}:\n\n{said}", said=said, **place)
    if call.event == "SessionEnd" and not call.stays:
        return t("{agent} ended in {cwd}", **place)
    return ""
