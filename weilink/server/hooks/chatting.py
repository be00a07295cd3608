"""What the phone shows of an agent's turn: that it types no more, and its tool calls."""

from __future__ import annotations

import logging
import secrets
from collections import deque
from dataclasses import dataclass, replace

import anyio

from weilink.errors import WeiLinkError
from weilink.server.hooks.given import AFTER_TOOL, HookCall
from weilink.service import Service
from weilink.service.toolcalls import Status

logger = logging.getLogger(__name__)

WAITING = 100
"""Tool calls that wait to be shown; a storm of them is not worth remembering."""


@dataclass(frozen=True)
class _ToolCall:
    """What to show of a tool call: that it `begins`, how it `ended`, or both."""

    user_id: str
    tool: str
    id: str
    run_id: str
    begins: bool = True
    ended: Status | None = None


class Chatting:
    """Follows the hooks of all sessions; no hook waits for the network because of it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tools = deque[_ToolCall](maxlen=WAITING)
        self._more = anyio.Event()
        self._runs: dict[str, str] = {}
        # By session the calls that have begun, by their id.
        self._open: dict[str, dict[str, list[_ToolCall]]] = {}

    async def follow(self, call: HookCall) -> None:
        """Note what a hook tells of its session's turn."""
        if call.purpose or call.in_subagent:
            return
        if call.event in ("Stop", "SessionEnd") or call.typed:
            # Refused or interrupted: no hook tells of that.
            for calls in self._open.pop(call.session, {}).values():
                self._show([replace(one, begins=False, ended="blocked") for one in calls])
        if call.event in ("Stop", "SessionEnd"):
            self._runs.pop(call.session, None)
            for bot_id, user_id in await self._service.store.working.of(call.reader):
                await self._service.store.working.end(bot_id, user_id)
                self._service.changes.notify()
        elif self._service.settings.show_tool_calls:
            if call.event == "PreToolUse":
                begun = await self._new(call, call.text("tool_use_id"))
                self._open.setdefault(call.session, {})[call.text("tool_use_id")] = begun
                self._show(begun)
            elif call.event in AFTER_TOOL:
                running = self._open.get(call.session, {})
                if (call_id := call.text("tool_use_id")) in running:
                    calls = [replace(one, begins=False) for one in running.pop(call_id)]
                else:
                    calls = await self._new(call, call_id or secrets.token_hex(8))
                ended: Status = "failed" if _failed(call) else "completed"
                self._show([replace(one, ended=ended) for one in calls])

    async def _new(self, call: HookCall, call_id: str) -> list[_ToolCall]:
        """Return a call for the chat of everybody for whom the agent is at work."""
        tool = call.text("tool_name")
        if tool.startswith("mcp__weilink__"):
            return []  # the chat shows what these do by itself
        run_id = self._runs.setdefault(call.session, secrets.token_hex(16))
        users = await self._service.store.working.of(call.reader)
        return [_ToolCall(user_id, tool, call_id, run_id) for _, user_id in users]

    def _show(self, calls: list[_ToolCall]) -> None:
        self._tools.extend(calls)
        self._more.set()

    async def run(self) -> None:
        """Show tool calls in the chat, until cancelled."""
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            while self._tools:
                await self._put(self._tools.popleft())

    async def _put(self, one: _ToolCall) -> None:
        show = self._service.tool_calls
        try:
            if one.begins:
                await show.started(one.user_id, one.tool, one.id, one.run_id)
            if one.ended:
                await show.finished(one.user_id, one.tool, one.id, one.run_id, one.ended)
        except WeiLinkError as error:
            # The service refused, or the bot was logged out meanwhile: no reason to stop leading.
            logger.debug("a tool call is not shown: %s", error)


def _failed(call: HookCall) -> bool:
    response = call.given.get("tool_response")
    told = isinstance(response, dict) and (response.get("is_error") or response.get("error"))
    return call.event == "PostToolUseFailure" or bool(told)
