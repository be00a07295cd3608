"""What the phone shows of an agent's turn: that it types no more, and its tool calls."""

from __future__ import annotations

import logging
import secrets
from collections import deque
from dataclasses import dataclass

import anyio

from weilink.errors import WeiLinkError
from weilink.server.hooks.given import HookCall
from weilink.service import Service
from weilink.service.toolcalls import Status

logger = logging.getLogger(__name__)

WAITING = 100
"""Tool calls that wait to be shown; a storm of them is not worth remembering."""


@dataclass(frozen=True)
class _ToolCall:
    user_id: str
    tool: str
    id: str
    run_id: str
    failed: bool


class Chatting:
    """Follows the hooks of all sessions; no hook waits for the network because of it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tools = deque[_ToolCall](maxlen=WAITING)
        self._more = anyio.Event()
        self._runs: dict[str, str] = {}

    async def follow(self, call: HookCall) -> None:
        """Note what a hook tells of its session's turn."""
        if call.purpose or call.in_subagent:
            return
        if call.event in ("Stop", "SessionEnd"):
            self._runs.pop(call.session, None)
            for bot_id, user_id in await self._service.store.working.of(call.reader):
                await self._service.store.working.end(bot_id, user_id)
                self._service.changes.notify()
        elif call.event == "PostToolUse" and self._service.settings.show_tool_calls:
            run_id = self._runs.setdefault(call.session, secrets.token_hex(16))
            tool = call.text("tool_name")
            if tool.startswith("mcp__weilink__"):
                return  # the chat shows what these do by itself
            for _, user_id in await self._service.store.working.of(call.reader):
                call_id = call.text("tool_use_id") or secrets.token_hex(8)
                failed = _failed(call.given.get("tool_response"))
                self._tools.append(_ToolCall(user_id, tool, call_id, run_id, failed))
                self._more.set()

    async def run(self) -> None:
        """Show tool calls in the chat, until cancelled."""
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            while self._tools:
                await self._show(self._tools.popleft())

    async def _show(self, one: _ToolCall) -> None:
        # Hooks tell of a tool when it has ended; the chat wants its beginning too.
        show = self._service.tool_calls
        try:
            if await show.started(one.user_id, one.tool, one.id, one.run_id):
                status: Status = "failed" if one.failed else "completed"
                await show.finished(one.user_id, one.tool, one.id, one.run_id, status)
        except WeiLinkError as error:
            # The service refused, or the bot was logged out meanwhile: no reason to stop leading.
            logger.debug("a tool call is not shown: %s", error)


def _failed(response: object) -> bool:
    return isinstance(response, dict) and bool(response.get("is_error") or response.get("error"))
