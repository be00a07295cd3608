"""What the panel shows, put together from the service."""

from __future__ import annotations

from typing import Any

import weilink
from weilink.i18n import told
from weilink.server.showing import messages_out
from weilink.service import Service
from weilink.service.access import Policy, allowed
from weilink.service.leading import is_led
from weilink.service.sending import replies_left
from weilink.service.visible import visible
from weilink.store.handovers import Handover
from weilink.store.history import Query
from weilink.store.models import Delivery, Part, PartState

WINDOW_MS = 24 * 3600 * 1000
"""The longest life of a context token, counted from the message that brought it."""
PEOPLE = 200
"""People on one page; more are found by searching the conversations."""


async def overview(service: Service) -> dict[str, Any]:
    """Return the bots, and how much waits where."""
    default = await service.logins.default()
    inbox = await service.store.inbox.counts()
    outbox = await service.store.outbox.counts()
    bots = []
    for session in service.logins.sessions():
        state = await service.store.bots.get(session.bot_id)
        bots.append(
            {
                "name": session.name,
                "bot_id": session.bot_id,
                "owner": session.user_id,
                "created_at": session.created_at * 1000,
                "default": session.name == default,
                "problem": told(state.problem),
                "updated_at": state.updated_at,
            }
        )
    return {
        "version": weilink.__version__,
        "base_path": str(service.settings.base_path),
        "media_limit": service.settings.media_limit_mib * 1024 * 1024,
        "led": is_led(service.settings.base_path),
        "bots": bots,
        "messages": {kind.value: inbox.get(kind, 0) for kind in Delivery},
        "outbox": {state.value: outbox.get(state, 0) for state in PartState},
    }


async def people(service: Service) -> dict[str, Any]:
    """Return everybody who has written, the latest first, and those named in the access list."""
    preferences = service.store.preferences
    named = await preferences.access_list()
    owners = {session.bot_id: session.user_id for session in service.logins.sessions()}
    names = {session.bot_id: session.name for session in service.logins.sessions()}
    found = []
    windows = await service.store.windows.all()
    for window in windows[:PEOPLE]:
        of_them = Query(user_id=window.user_id, bot_id=window.bot_id, limit=1)
        newest = await service.store.history.find(of_them)
        last = max(newest.total - 1, 0)
        oldest = await service.store.history.find(
            Query(user_id=window.user_id, bot_id=window.bot_id, limit=1, offset=last)
        )
        owner = owners.get(window.bot_id, "")
        found.append(
            {
                "user_id": window.user_id,
                "shown": visible(window.user_id),
                "bot_id": window.bot_id,
                "bot": names.get(window.bot_id, window.bot_id),
                "owner": bool(owner) and window.user_id == owner,
                "named": named.get(window.user_id),
                "allowed": await allowed(service.store, owner, window.user_id),
                "messages": newest.total,
                "first_at": oldest.messages[0].timestamp if oldest.messages else None,
                "last_at": newest.messages[0].timestamp if newest.messages else None,
                "replies_left": replies_left(window),
                "window_ends": window.received_at + WINDOW_MS,
            }
        )
    met = {one["user_id"] for one in found}
    return {
        "policy": await preferences.get("access_policy", Policy.OWNER.value),
        "people": found,
        "more": len(windows) > PEOPLE,
        "others": [
            {"user_id": user, "shown": visible(user), "named": yes}
            for user, yes in sorted(named.items())
            if user not in met
        ],
    }


async def messages(service: Service, query: Query) -> dict[str, Any]:
    """Return one page of messages, newest first."""
    page = await service.store.history.find(query)
    shown = await messages_out(service, page.messages)
    claimed = await service.store.handovers.of([message.row for message in page.messages])
    readers = await service.store.handovers.readers()
    return {
        "total": page.total,
        "offset": query.offset,
        "messages": [
            {
                **one.model_dump(mode="json"),
                "delivery": stored.delivery.value,
                "row": stored.row,
                "handover": _handover(stored.delivery, claimed.get(stored.row)),
            }
            for one, stored in zip(shown, page.messages, strict=True)
        ],
        "readers": [{**_reader(one.reader, one.folder), "id": one.reader} for one in readers],
    }


def _handover(delivery: Delivery, found: Handover | None) -> dict[str, Any] | None:
    """Return who has a message and since when; `None` when nobody has it."""
    if found is None or delivery not in (Delivery.CLAIMED, Delivery.DELIVERED):
        return None
    return {
        **_reader(found.reader, found.folder),
        "claimed_at": found.claimed_at,
        "written_at": found.written_at,
        # "written" is with the agent, and not yet known to be read.
        "read": found.state == "acknowledged",
    }


def _reader(reader: str, folder: str) -> dict[str, str]:
    """Return a reader's parts: `who` is the agent, "mcp" or "shell", `which` one of them."""
    who, _, which = reader.partition(":")
    return {"who": visible(who), "which": visible(which), "folder": visible(folder)}


def part(one: Part) -> dict[str, Any]:
    """Return a part of the outbox."""
    return {
        "row": one.row,
        "to": one.user_id,
        "shown_to": visible(one.user_id),
        "bot_id": one.bot_id,
        "text": visible(one.text),
        "msg_type": one.msg_type,
        "state": one.state.value,
        "reason": told(one.reason),
        "attempts": one.attempts,
        "created_at": one.created_at,
        "expires_at": one.expires_at,
    }
