"""What a reply window still takes."""

from __future__ import annotations

import time

from weilink.store.models import ReplyWindow

REPLIES = 10
"""Messages that one context token carries; the next one is refused (reported by users)."""
WINDOW_MS = 24 * 3600 * 1000
"""The longest life of a context token (reported by users). Later the service may take a message
and show it to nobody, so nothing is sent on an older one."""


def replies_left(window: ReplyWindow | None) -> int:
    """Return how many messages the window still takes."""
    if window is None or window.dead or time.time() * 1000 - window.received_at > WINDOW_MS:
        return 0
    return max(REPLIES - window.replies_used, 0)
