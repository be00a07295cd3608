"""Binding a contact's messages to agent sessions, from names as people type them."""

from __future__ import annotations

import os
from pathlib import Path

import anyio.to_thread

from weilink.errors import UsageError
from weilink.i18n import t
from weilink.service.presence import Presence
from weilink.service.visible import visible
from weilink.store import Store
from weilink.store.agentsessions import AgentSession, Binding, BindingKind

AGENTS = ("claude", "codex")
"""Whose sessions hooks tell of."""


async def bind(
    store: Store, presence: Presence, contact: str, kind: BindingKind, value: str
) -> Binding:
    """Give the messages of a contact to certain sessions and no others.

    Args:
        contact: a user, or a bot by its id or its session's name.
        value: a session's number, id or beginning of an id; a whole path; or an agent's name.

    Raises:
        UsageError: there is no such contact, session, folder or agent.
    """
    name = await contact_of(store, contact)
    if kind is BindingKind.SESSION:
        value = find_session(await presence.read(), value).id
    elif kind is BindingKind.FOLDER:
        value = await anyio.to_thread.run_sync(_folder, value)
    elif value not in AGENTS:
        raise UsageError(t("the agents are {names}", names=", ".join(AGENTS)))
    binding = Binding(name, kind, value)
    await store.bindings.set(binding)
    return binding


async def contact_of(store: Store, name: str) -> str:
    """Return the user or bot id that is meant by `name`.

    Raises:
        UsageError: nobody is called so.
    """
    for session in store.credentials.load():
        if name in (session.name, session.bot_id):
            return session.bot_id
    known = {window.user_id for window in await store.windows.all()}
    # Somebody who has not written yet can be bound beforehand.
    if name in known or name in await store.bindings.all() or "@" in name:
        return name
    raise UsageError(
        t(
            "'{name}' is neither a user who wrote nor a bot; 'weilink status' lists them",
            name=visible(name),
        )
    )


def find_session(live: list[AgentSession], name: str) -> AgentSession:
    """Return the live session with this number, id or beginning of an id.

    Raises:
        UsageError: there is none, or several.
    """
    found = [s for s in live if name in (str(s.number), s.id)]
    found = found or [s for s in live if len(name) >= 4 and s.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    raise UsageError(
        t(
            "no open agent session is called '{name}'; 'weilink agents' lists them",
            name=visible(name),
        )
    )


def _folder(value: str) -> str:
    try:
        given = Path(value).expanduser()
        if given.is_absolute() and given.is_dir():
            return os.path.realpath(given)  # as hooks name the folders of their sessions
    except (OSError, ValueError, RuntimeError):
        pass
    raise UsageError(
        t("'{folder}' is not a folder of this computer; give a whole path", folder=visible(value))
    )
