"""Live agent sessions in the panel, and whose messages go to which of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio

from weilink.errors import UsageError
from weilink.service import Service
from weilink.service.assignments import assignments
from weilink.service.visible import visible
from weilink.store.agentsessions import Binding, BindingKind

AGENTS = ("claude", "codex")
"""Whose sessions hooks tell of."""


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
        "kinds": list(AGENTS),
    }


def _named(contact: str, bots: dict[str, str]) -> str:
    return f"{bots[contact]} ({contact})" if contact in bots else visible(contact)


async def bind(service: Service, contact: str, kind: str, value: str) -> None:
    """Give the messages of a contact to certain sessions and no others.

    Raises:
        UsageError: there is no such contact, session, folder or agent.
    """
    bots = {session.bot_id for session in service.logins.sessions()}
    known = {window.user_id for window in await service.store.windows.all()}
    if contact not in bots | known and contact not in await service.store.bindings.all():
        raise UsageError(f"'{visible(contact)}' is neither somebody who wrote nor a bot")
    binding = Binding(contact, BindingKind(kind), value)
    if binding.kind is BindingKind.SESSION:
        if value not in {session.id for session in await service.presence.read()}:
            raise UsageError("this agent session is not open any more")
    elif binding.kind is BindingKind.AGENT:
        if value not in AGENTS:
            raise UsageError(f"the agents are {', '.join(AGENTS)}")
    else:
        binding = Binding(contact, binding.kind, await anyio.to_thread.run_sync(_folder, value))
    await service.store.bindings.set(binding)
    service.changes.notify()


def _folder(value: str) -> str:
    try:
        given = Path(value).expanduser()
        if given.is_absolute() and given.is_dir():
            return os.path.realpath(given)  # as hooks name the folders of their sessions
    except (OSError, ValueError, RuntimeError):
        pass
    raise UsageError(f"'{visible(value)}' is no folder of the server's computer; give a whole path")


async def unbind(service: Service, contact: str) -> bool:
    """Let the messages of a contact go where the user was last active; whether it was bound."""
    done = await service.store.bindings.remove(contact)
    service.changes.notify()
    return done
