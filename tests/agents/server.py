"""A small MCP server with a ``send`` tool, to try the agents with."""

from __future__ import annotations

import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("weilink")


@server.tool()
def send(to: str, text: str = "") -> str:
    """Send a text to somebody."""
    return f"sent {text} to {to}"


def mcp_server() -> list[str]:
    """The command that starts it."""
    return [sys.executable, __file__]


if __name__ == "__main__":
    server.run()
