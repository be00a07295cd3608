"""The admin panel: bots, people, conversations, agents, outbox, health and log in the browser."""

from __future__ import annotations

from weilink.server.admin.app import STREAMS, app
from weilink.server.admin.sessions import link

__all__ = ["STREAMS", "app", "link"]
