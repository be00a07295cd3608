"""Telling the owner on the phone what an agent does, while replies are left for its answers."""

from __future__ import annotations

import logging

from weilink.service.atonce import send_at_once
from weilink.service.owners import reachable_owner
from weilink.service.sending import Sender
from weilink.store import Store

logger = logging.getLogger(__name__)

KEEP = 1
"""Replies that are never spent on a notice: the last one is for the agent's answer."""
MOST_TEXT = 1_500
"""Characters of a notice."""


async def notify(store: Store, sender: Sender, text: str) -> None:
    """Tell the owner, when a reply can be spared; a notice is never queued."""
    owner = await reachable_owner(store)
    if owner is None or owner.replies_left <= KEEP:
        logger.info("a notice was not sent: the owner cannot be told without the last reply")
        return
    if len(text) > MOST_TEXT:
        text = text[: MOST_TEXT - 1] + "…"
    if not await send_at_once(store, sender, owner.user_id, text, keep=KEEP):
        logger.info("a notice was not sent: it could not go out at once")
