"""Hooks that tell the owner on the phone what an agent does, while replies can be spared."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import anyio

from weilink.i18n import t
from weilink.server.hooks.asking import detail_of
from weilink.server.hooks.flow import Flow
from weilink.server.hooks.given import HookCall
from weilink.service import Service
from weilink.service.notices import notify
from weilink.service.visible import visible

SETTLED = 1.0
"""Seconds after which it has shown itself what the other hooks of the same event did: whether the
agent goes on with a message, whether the phone is asked for the permission."""
LAST_WORDS = 3.0
"""Seconds that a process which stops leading takes for notices that are due: it may end because
the agent of which they tell ends."""
WAITING = 50
"""Notices that wait to be sent; there are ten replies."""


@dataclass(frozen=True)
class _Notice:
    text: str
    call: HookCall
    told_at: float


class Noticing:
    """Sends notices behind the answers to hooks: no agent waits for the network."""

    def __init__(self, service: Service, flow: Flow) -> None:
        self._service = service
        self._flow = flow
        self._waiting = deque[_Notice](maxlen=WAITING)
        self._more = anyio.Event()

    async def answer(self, call: HookCall) -> None:
        """Take in what a hook of the purpose `notify` tells."""
        attended = call.interactive and self._service.presence.attended(call.session)
        if attended and not call.in_subagent and (text := notice(call)):
            self._waiting.append(_Notice(text, call, time.monotonic()))
            self._more.set()

    async def run(self) -> None:
        """Send notices until cancelled."""
        try:
            while True:
                await self._more.wait()
                self._more = anyio.Event()
                while self._waiting:
                    if (first := self._waiting[0]).call.event != "SessionEnd":
                        await anyio.sleep(max(first.told_at + SETTLED - time.monotonic(), 0))
                    await self._send(self._waiting.popleft())
        finally:
            with anyio.move_on_after(LAST_WORDS, shield=True):
                while self._waiting:
                    await self._send(self._waiting.popleft())

    async def _send(self, one: _Notice) -> None:
        session = one.call.session
        if one.call.event == "Stop":
            since = time.monotonic() - one.told_at
            # What goes on once does not do so twice in a row.
            went_on = not one.call.given.get("stop_hook_active") and self._flow.just_went_on(
                session, since + SETTLED
            )
            if went_on or self._flow.just_woken(session, since):
                return  # it has something more to do, and did not finish
        elif one.call.event != "SessionEnd" and self._service.approving.asks(session):
            return  # the phone shows the question itself
        await notify(self._service.store, self._service.sender, one.text)


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
    if call.event == "PermissionRequest":
        said = visible(f"{call.text('tool_name')}: {detail_of(call)}")
        return t("{agent} needs you in {cwd}:\n\n{said}", said=said, **place)
    if call.event == "SessionEnd" and not call.stays:
        return t("{agent} ended in {cwd}", **place)
    return ""
