"""What a tool is told about a caller that speaks no MCP."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context


class RestContext(Context[Any, Any]):
    """A client that shows no progress and cannot be asked anything while a call runs."""

    def __init__(self) -> None:
        super().__init__()

    @property
    def request_id(self) -> str:
        """One answer per connection at a time, so any name will do."""
        return "rest"

    @property
    def client_capabilities(self) -> None:
        """It has none of MCP's."""

    @property
    def protocol_version(self) -> None:
        """It speaks no version of MCP."""

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Nobody listens."""
