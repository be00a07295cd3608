"""Faces of the service: MCP tools and the recv endpoint that hooks ask."""
