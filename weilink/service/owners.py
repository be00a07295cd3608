"""Reaching the person who owns the bots, in the chat that they used last."""

from __future__ import annotations

from dataclasses import dataclass

from weilink.service.sending import replies_left
from weilink.store import Store


@dataclass(frozen=True)
class Owner:
    """An owner, and how many replies can be sent to them now."""

    user_id: str
    replies_left: int


async def reachable_owner(store: Store) -> Owner | None:
    """Return the owner who wrote last; `None` when no owner ever wrote to their bot."""
    owners = {session.bot_id: session.user_id for session in store.credentials.load()}
    for window in await store.windows.all():
        if window.user_id and owners.get(window.bot_id) == window.user_id:
            return Owner(window.user_id, replies_left(window))
    return None
