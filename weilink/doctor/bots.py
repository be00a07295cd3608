"""Bots and their reply windows."""

from __future__ import annotations

from collections.abc import Iterator

import anyio

from weilink.doctor.finding import Finding, Level, ok
from weilink.errors import WeiLinkError
from weilink.i18n import t, told
from weilink.service import Service, open_service
from weilink.service.windows import replies_left
from weilink.settings import Settings
from weilink.store.credentials import as_typed


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the bots."""
    if not settings.base_path.is_dir():
        yield _no_bot()
        return
    try:
        yield from anyio.run(_look, settings)
    except WeiLinkError as error:
        yield Finding("bots", Level.ERROR, str(error), t("Messages are kept there."), "")


def _no_bot() -> Finding:
    return Finding(
        "bots",
        Level.WARNING,
        t("No bot is logged in"),
        t("Nobody can write to your agents."),
        "weilink login",
    )


def _unreadable(name: str) -> Finding:
    return Finding(
        "bots",
        Level.ERROR,
        t("Bot '{name}': its token.json cannot be read or is not valid", name=name),
        t("It neither receives nor sends."),
        f"weilink login {as_typed(name)}",
    )


async def _look(settings: Settings) -> list[Finding]:
    async with open_service(settings) as service:
        sessions = service.logins.sessions()
        left_out = service.store.credentials.names() - {session.name for session in sessions}
        found = [_unreadable(name) for name in sorted(left_out)]
        if not sessions and not found:
            return [_no_bot()]
        for session in sessions:
            problem = (await service.store.bots.get(session.bot_id)).problem
            if problem:
                cure = t("check the network; the server goes on by itself once WeChat answers")
                if await service.logins.ended(session):
                    cure = f"weilink login {as_typed(session.name)}"
                what = t("Bot '{name}': {problem}", name=session.name, problem=told(problem))
                why = t("It neither receives nor sends.")
                found.append(Finding("bots", Level.ERROR, what, why, cure))
            else:
                found.append(ok("bots", t("Bot '{name}' is logged in", name=session.name)))
        return found + await _windows(service)


async def _windows(service: Service) -> list[Finding]:
    found = []
    for window in await service.store.windows.all():
        left = replies_left(window)
        what = t("{user}: {count} replies left", user=window.user_id, count=left)
        if left:
            found.append(ok("replies", what))
        else:
            found.append(
                Finding(
                    "replies",
                    Level.NOTE,
                    what,
                    t("WeChat takes no more answers to this person; they are queued."),
                    t("let them write once more"),
                )
            )
    return found
