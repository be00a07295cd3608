"""The tools over plain HTTP: one POST for each, described by OpenAPI."""

from __future__ import annotations

from weilink.server.rest.app import app

__all__ = ["app"]
