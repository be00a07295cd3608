"""A small MCP server with a ``send`` tool, to try the agents with."""

from __future__ import annotations

import sys


def mcp_server() -> list[str]:
    """The command that starts it."""
    return [sys.executable, __file__]


def send(to: str, text: str = "") -> str:
    """Send a text to somebody."""
    return f"sent {text} to {to}"


if __name__ == "__main__":
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("weilink")
    server.tool()(send)
    server.run()
