"""Handing messages over at a prompt, at the start of a session, and during a turn."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import anyio.to_thread

from weilink.agents.codex_wake import codex_place
from weilink.agents.speech import SPEECHES, Speech, context
from weilink.server.hooks.flow import Flow
from weilink.server.hooks.given import AFTER_TOOL, HookCall
from weilink.service import Service
from weilink.service.claiming import Handover
from weilink.service.routing import may_take, target
from weilink.store.agentsessions import AgentSession, AgentState
from weilink.store.claimed import Wanted

logger = logging.getLogger(__name__)

HAND_OVER = AFTER_TOOL | {"UserPromptSubmit", "SessionStart", "Stop"}
"""Events at which an agent takes text from a hook into the model's context."""


@dataclass(frozen=True)
class Answer:
    """What the hook prints: text for stdout, or for stderr with exit code 2 to wake the agent."""

    text: str
    claim_id: str = ""
    wakes: bool = False


def meant_for(service: Service, session: AgentSession) -> Wanted:
    """Return which conversations are routed to `session`, whether or not the user is there."""
    live, bindings = service.presence.live(), service.presence.bindings

    def wanted(bot_id: str, user_id: str) -> bool:
        chosen = target(live, bindings, bot_id, user_id)
        return chosen is not None and chosen.id == session.id

    return wanted


async def claim_for(
    service: Service,
    call: HookCall,
    session: AgentSession | None,
    wanted: Wanted,
    *,
    wakes: bool = False,
) -> Handover | None:
    """Claim what is wanted, as text for the agent of the call."""
    speech = SPEECHES[call.agent]
    confirms = session.id if session is not None and session.turns_end else ""
    goes_on = call.event == "Stop" and not call.purpose
    limit = speech.stop_limit if goes_on else speech.limit
    return await service.claims.envelope(
        call.reader, limit, speech.size, wanted, confirms, wakes=wakes
    )


async def answer(
    service: Service, flow: Flow, call: HookCall, waits: Callable[[str], Awaitable[bool]]
) -> Answer | None:
    """Answer a hook that an agent waits for; `None`: nothing to say.

    `waits` tells whether the session has a hook that waits to wake it.
    """
    if call.event == "PreToolUse":
        # For the chat alone. It tells nothing of what was read: tools run side by side.
        return None
    session = await _follow(service, call)
    if call.event == "SessionEnd":
        flow.over(call.session)
    overtakes = flow.overtakes(call)
    speech = SPEECHES.get(call.agent)
    if speech is None or call.event not in HAND_OVER or not service.claims.any_open():
        return None
    if call.in_subagent or overtakes:
        return None
    if call.event == "Stop" and call.given.get("stop_hook_active"):
        # The agent goes on because of us already. Once in a row: no endless loop, whatever comes.
        return None
    starts = call.event == "SessionStart" and call.interactive and speech.waits
    # What is put before the model now is read with the first prompt; woken it starts at once.
    if starts and await waits(call.session):
        return None
    await service.presence.refresh()
    if call.typed:
        live, bindings = service.presence.live(), service.presence.bindings
        handover = await claim_for(
            service, call, session, lambda b, u: may_take(session, live, bindings, b, u)
        )
    elif session is not None:
        handover = await claim_for(service, call, session, meant_for(service, session))
    else:
        return None
    if handover is None:
        return None
    logger.info(
        "claim %.8s: goes to %s session %s (%s)",
        handover.claim_id, call.agent, call.session, call.event,
    )  # fmt: skip
    if call.event == "Stop":
        flow.went_on(call.session)
        service.presence.note(dataclasses.replace(call.sign(), state=AgentState.WORKING))
    return Answer(_said(speech, call.event, handover.text), handover.claim_id)


async def _follow(service: Service, call: HookCall) -> AgentSession | None:
    """Let the list of sessions know; return the session of the call when it is on it."""
    if call.event == "SessionEnd":
        service.presence.gone(call.session, read=call.stays)
        return None
    # That it goes on shows that it has read what was written for it before.
    service.presence.confirm(call.session, woken=call.woken)
    runner = call.pid if call.agent == "codex" else 0
    if call.agent == "codex" and service.presence.get(call.session) is None:
        call = await _with_front(service, call)
    return service.presence.note(dataclasses.replace(call.sign(), runner=runner))


async def _with_front(service: Service, call: HookCall) -> HookCall:
    """Name the process that the user sees: the hooks of Codex are run by another one."""
    live = service.presence.live()
    taken = {session.pid for session in live}
    place = await anyio.to_thread.run_sync(codex_place, call.pid, call.cwd, taken)
    if place.alone and place.pid:
        for session in live:
            if session.pid == place.pid and session.id != call.session:
                service.presence.gone(session.id, read=True)
    return dataclasses.replace(call, pid=place.pid, entry=call.entry if place.attended else "sdk")


def _said(speech: Speech, event: str, text: str) -> str:
    return speech.go_on(event, text) if event == "Stop" else context(event, text)
