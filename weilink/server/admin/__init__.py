"""The admin panel: bots, people, conversations, outbox and log in the browser."""

from __future__ import annotations

from weilink.server.admin.app import app
from weilink.server.admin.sessions import link

__all__ = ["app", "link"]
