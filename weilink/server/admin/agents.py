"""Live agent sessions in the panel, and whose messages go to which of them."""

from __future__ import annotations

from typing import Any

from weilink.service import Service, binding
from weilink.service.assignments import assignments
from weilink.service.visible import visible
from weilink.store.agentsessions import BindingKind


async def agents(service: Service) -> dict[str, Any]:
    """Return the live sessions, the bindings, and whom one could bind."""
    found = await assignments(service.store, service.presence)
    sessions = service.logins.sessions()
    bots = {session.bot_id: session.name for session in sessions}
    shown = [
        {**one, "cwd": visible(one["cwd"]), "gets": [_named(who, bots) for who in one["gets"]]}
        for one in found["agents"]
    ]
    contacts = [window.user_id for window in await service.store.windows.all()][:200]
    return {
        "agents": shown,
        "bindings": [
            {**one, "shown": _named(one["contact"], bots), "shown_value": visible(one["value"])}
            for one in found["bindings"]
        ],
        "contacts": [
            {"contact": contact, "shown": _named(contact, bots)}
            for contact in [*dict.fromkeys(contacts), *bots]
        ],
        "kinds": list(binding.AGENTS),
    }


def _named(contact: str, bots: dict[str, str]) -> str:
    return f"{bots[contact]} ({contact})" if contact in bots else visible(contact)


async def bind(service: Service, contact: str, kind: str, value: str) -> None:
    """Give the messages of a contact to certain sessions and no others.

    Raises:
        UsageError: there is no such contact, session, folder or agent.
    """
    await binding.bind(service.store, service.presence, contact, BindingKind(kind), value)
    service.changes.notify()


async def unbind(service: Service, contact: str) -> bool:
    """Let the messages of a contact go where the user was last active; whether it was bound."""
    done = await service.store.bindings.remove(contact)
    service.changes.notify()
    return done
