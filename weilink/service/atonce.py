"""Sending what is of use now or never: a question of an agent, a notice."""

from __future__ import annotations

import logging

from weilink.errors import WeiLinkError
from weilink.service.parts import TextPart
from weilink.service.sending import Sender
from weilink.service.splitting import MAX_CHARACTERS
from weilink.service.windows import replies_left
from weilink.store import Store
from weilink.store.models import PartState

logger = logging.getLogger(__name__)


async def send_at_once(
    store: Store, sender: Sender, user_id: str, text: str, *, keep: int = 0
) -> bool:
    """Send a short text if it can go out now; return whether it did. It is never queued.

    `keep` replies of the window are left alone. What waits in the outbox goes first, so while
    anything does, this cannot go out now.
    """
    if len(text) > MAX_CHARACTERS:
        return False  # several messages, or a file
    try:
        bot = await sender.bot_for(user_id)
        window = await store.windows.get(bot.bot_id, user_id)
        if replies_left(window) <= keep or await store.outbox.waiting(bot.bot_id, user_id):
            return False
        result = await sender.send(user_id, [TextPart(text)], keep=lambda: False)
    except WeiLinkError as error:
        logger.warning("a question or notice could not be sent: %s", error)
        return False
    for part in result.parts:
        if part.state is PartState.QUEUED:
            await store.outbox.drop(part.row)
    return all(part.state is PartState.SENT for part in result.parts)
