"""Who may put text in front of an agent."""

from __future__ import annotations

from enum import Enum

from weilink.store import Store


class Policy(str, Enum):
    """Whose messages are handed to agents. The default is the account's owner alone."""

    OWNER = "owner"
    ALLOWLIST = "allowlist"
    ANYONE = "anyone"


async def allowed(store: Store, owner: str, user_id: str) -> bool:
    """Return whether messages of `user_id` to a bot of `owner` go to agents.

    The owner is in under every policy, and a user who was denied by name is out.
    """
    if user_id and user_id == owner:
        return True
    policy = Policy(await store.preferences.get("access_policy", Policy.OWNER.value))
    named = await store.preferences.access_list()
    if policy is Policy.ALLOWLIST:
        return named.get(user_id, False)
    return policy is Policy.ANYONE and named.get(user_id, True)
