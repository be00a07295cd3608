"""`weilink status`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Literal

import click

from weilink.cli.agents import state_name
from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.cli.output import (
    Handing,
    InstalledHooks,
    PolledBot,
    ReplyWindow,
    Status,
    Unsent,
    WokenSession,
)
from weilink.cli.parts import one_line, outcome
from weilink.errors import WeiLinkError
from weilink.i18n import t, told
from weilink.server.leader import Leading, ask_leader
from weilink.service import Service, open_service
from weilink.service.assignments import assignments
from weilink.service.leading import is_led
from weilink.service.sending import replies_left
from weilink.settings import Settings
from weilink.store.models import Delivery, PartState

UNSENT = 10
"""The newest parts that were not sent, told one by one."""


@click.command("status")
@json_option
@click.pass_context
def status_command(ctx: click.Context, as_json: bool) -> None:
    """Show the bots, who can be answered, what waits, who gets it, and whether a server runs."""
    settings = settings_of(ctx)

    async def body() -> Status:
        leading = await ask_leader(settings.base_path)
        async with open_service(settings) as service:
            return await _found(settings, service, leading)

    found = run_async(body)
    if as_json:
        echo_json(found)
    else:
        _print(found)


async def _found(settings: Settings, service: Service, leading: Leading | None) -> Status:
    store = service.store
    inbox, claims = await store.inbox.counts(), await store.inbox.claim_states()
    outbox = await store.outbox.counts()
    state = leading.state if leading is not None else None
    polled = state.polled if state is not None else []
    waiting = state.waiting if state is not None else []
    # Nobody can be answered through a bot that is logged out or replaced.
    logged_in = {session.bot_id for session in service.logins.sessions()}
    agents = (await assignments(store, service.presence))["agents"]
    return Status(
        base_path=str(settings.base_path),
        server_running=is_led(settings.base_path),
        server_answers=state is not None,
        server_pid=leading.pid if leading is not None else None,
        bots=[
            PolledBot(
                name=session.name,
                bot_id=session.bot_id,
                problem=(await store.bots.get(session.bot_id)).problem,
                polled=session.bot_id in polled,
            )
            for session in service.logins.sessions()
        ],
        reply_windows=[
            ReplyWindow(
                user_id=window.user_id, bot_id=window.bot_id, replies_left=replies_left(window)
            )
            for window in await store.windows.all()
            if window.bot_id in logged_in
        ],
        messages={
            kind.value: inbox.get(kind, 0)
            for kind in Delivery
            if kind not in (Delivery.NONE, Delivery.COMMAND)
        },
        claims={
            name: claims.get(name, 0) for name in ("open", "written", "acknowledged", "released")
        },
        handovers=[
            Handing(
                claim=one.claim_id,
                reader=one.reader,
                messages=one.messages,
                lease_left_ms=one.lease_left_ms,
                queued=one.queued,
            )
            for one in await store.inbox.under_way()
        ],
        agents=[
            WokenSession(**one, woken_by=_woken_by(one, waiting, led=state is not None))
            for one in agents
        ],
        hooks=_installed(settings),
        outbox={kind.value: outbox.get(kind, 0) for kind in PartState},
        unsent=[
            Unsent(
                user_id=part.user_id,
                state=part.state.value,
                reason=part.reason,
                text=part.text[:60],
                given_up_at=part.expires_at,
            )
            for part in await store.outbox.unsettled(UNSENT)
        ],
    )


def _woken_by(
    session: dict[str, Any], waiting: list[str], *, led: bool
) -> Literal["hook", "queue", ""]:
    if session["id"] in waiting:
        return "hook"
    return "queue" if led and session["agent"] == "codex" and session["attended"] else ""


def _installed(settings: Settings) -> list[InstalledHooks]:
    from weilink.setup.engine.store import Store
    from weilink.setup.installed import choices

    try:
        return [
            InstalledHooks(
                agent=choice.agent.name,
                scope=choice.scope,
                folder=str(place),
                hooks=list(choice.hooks),
            )
            for choice, place in choices(Store(settings.base_path / "setup"))
        ]
    except WeiLinkError:
        return []  # its notes cannot be read: that is for the doctor to say


def _print(found: Status) -> None:
    if not found.server_running:
        click.echo(t("Server: not running (your agent starts it, or run 'weilink mcp')"))
    elif found.server_answers:
        click.echo(t("Server: running"))
    else:
        click.echo(t("Server: process {pid} does not answer", pid=found.server_pid or "?"))
    if not found.bots:
        click.echo(t("Bots: none; run 'weilink login'"))
    for bot in found.bots:
        state = told(bot.problem) or (t("connected") if bot.polled else t("not polled now"))
        click.echo(t("Bot '{name}' ({bot}): {state}", name=bot.name, bot=bot.bot_id, state=state))
    for window in found.reply_windows:
        click.echo(
            t("{user}: {count} replies left", user=window.user_id, count=window.replies_left)
        )
    click.echo(
        t(
            "Messages: {pending} wait for an agent, {claimed} are being handed over, "
            "{delivered} delivered, {held} kept back",
            **found.messages,
        )
    )
    for one in found.handovers:
        click.echo("  " + _handing(one))
    click.echo(t("Outbox: {queued} queued, {failed} failed", **found.outbox))
    for part in found.unsent:
        until = datetime.fromtimestamp(part.given_up_at / 1000, timezone.utc)
        state, why = outcome(part.state, part.reason, until)
        click.echo(f"  {state} -> {one_line(part.user_id)}: {one_line(part.text)}{why}")
    for session in found.agents:
        click.echo(
            t("{number}  {agent}, {state}, in {cwd}", number=session.number, agent=session.agent,
              state=_session_state(session), cwd=session.cwd)
        )  # fmt: skip
    if not found.agents:
        click.echo(t("No agent session is open."))
    for hooks in found.hooks:
        where = hooks.scope if hooks.scope == "user" else f"{hooks.scope}, {hooks.folder}"
        click.echo(
            t("Hooks in {agent} ({where}): {hooks}", agent=hooks.agent, where=where,
              hooks=", ".join(hooks.hooks) or t("no hooks"))
        )  # fmt: skip
    if not found.hooks:
        click.echo(t("Hooks: in no agent; run 'weilink setup'"))


def _handing(one: Handing) -> str:
    if one.lease_left_ms is not None:
        return t("{count} at {reader}, which has {seconds} s left to write them",
                 count=one.messages, reader=one.reader,
                 seconds=round(one.lease_left_ms / 1000))  # fmt: skip
    if one.queued:
        return t("{count} in the queue of {reader}", count=one.messages, reader=one.reader)
    return t("{count} written for {reader}, not known to be read",
             count=one.messages, reader=one.reader)  # fmt: skip


def _session_state(session: WokenSession) -> str:
    state = state_name(session.state)
    if session.woken_by == "hook":
        return t("{state}, a hook waits to wake it", state=state)
    if session.woken_by == "queue":
        return t("{state}, woken through its queue", state=state)
    # At work no hook need wait: those of the turn are there.
    return state if session.state == "working" else t("{state}, cannot be woken now", state=state)
