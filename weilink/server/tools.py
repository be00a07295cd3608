"""The table of the tools: which there are, and what is true of each."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from mcp.types import ToolAnnotations

from weilink.server.botsessions import BotSessions
from weilink.server.host import Host
from weilink.server.messaging import Messaging

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
TALKS = ToolAnnotations(
    # Sending twice sends two messages; handing out consumes: a second call returns others.
    read_only_hint=False,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
SAVES = ToolAnnotations(
    # Each call writes one more file.
    read_only_hint=False,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
CHANGES = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
REMOVES = CHANGES.model_copy(update={"destructive_hint": True, "idempotent_hint": False})


ALWAYS = {"anthropic/alwaysLoad": True}
"""Claude Code shows its model the bare names of MCP tools and has it search for the rest. The
three that every conversation needs are offered whole (measured with 2.1.330)."""


def register(server: MCPServer[Any], host: Host) -> None:
    """Register the tools of one host."""
    messaging, bots = Messaging(host), BotSessions(host)
    for tool, title, hints in (
        (messaging.recv, "Receive WeChat messages", TALKS),
        (messaging.send, "Send a WeChat message", TALKS),
        (messaging.download, "Download a file from WeChat", SAVES),
        (messaging.history, "Search WeChat messages", READS),
        (bots.sessions, "List WeChat bots", READS),
        (bots.login, "Log a WeChat bot in", TALKS),
        (bots.logout, "Log a WeChat bot out", REMOVES),
        (bots.rename_session, "Rename a bot session", CHANGES),
        (bots.set_default, "Choose the default bot session", CHANGES),
    ):
        server.add_tool(
            tool,
            title=title,
            description=inspect.getdoc(tool),
            annotations=hints,
            meta=ALWAYS if tool in (messaging.recv, messaging.send, messaging.download) else None,
        )
