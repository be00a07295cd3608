"""Which live agent session gets whose messages, for people to look at."""

from __future__ import annotations

from typing import Any

from weilink.service.presence import Presence
from weilink.service.routing import names, target
from weilink.store import Store


async def assignments(store: Store, presence: Presence) -> dict[str, Any]:
    """Return the live sessions and the bindings, as `weilink agents --json` prints them."""
    live = await presence.read()
    bindings = await store.bindings.all()
    # A conversation that nobody has: it shows who gets what is not bound.
    rest = target(live, {}, "", "")
    shown = []
    for session in live:
        shown.append(
            {
                "number": session.number,
                "agent": session.agent,
                "id": session.id,
                "cwd": session.cwd,
                "pid": session.pid,
                "state": session.state.value,
                "attended": session.interactive,
                "prompted_at": session.prompted_at,
                "started_at": session.started_at,
                "gets": [
                    contact
                    for contact in bindings
                    if (chosen := target(live, bindings, contact, contact)) is not None
                    and chosen.id == session.id
                ],
                "gets_the_rest": rest is not None and rest.id == session.id,
            }
        )
    return {
        "agents": shown,
        "bindings": [
            {
                "contact": binding.contact,
                "kind": binding.kind.value,
                "value": binding.value,
                "live": any(names(binding, session) for session in live),
            }
            for binding in bindings.values()
        ],
    }
