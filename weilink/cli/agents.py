"""`weilink agents`, `bind` and `unbind`: live agent sessions, and which gets what."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.cli.output import Sessions
from weilink.errors import UsageError
from weilink.i18n import t
from weilink.service import open_service
from weilink.service.assignments import assignments
from weilink.service.binding import AGENTS, bind, contact_of
from weilink.store.agentsessions import Binding, BindingKind


@click.command("agents")
@json_option
@click.pass_context
def agents_command(ctx: click.Context, as_json: bool) -> None:
    """List the agent sessions that are open, and say which of them gets whose messages.

    A session is on the list once one of its hooks has run: Claude Code's from its start, Codex's
    from its first prompt.
    """
    settings = settings_of(ctx)

    async def body() -> dict[str, Any]:
        async with open_service(settings) as service:
            return await assignments(service.store, service.presence)

    found = run_async(body)
    if as_json:
        echo_json(Sessions(**found))
        return
    for one in found["agents"]:
        click.echo(
            t("{number}  {agent}, {state}, in {cwd}", number=one["number"], agent=one["agent"],
              state=state_name(one["state"]), cwd=one["cwd"])
        )  # fmt: skip
        click.echo(t("   session {id}, last prompt {when}", id=one["id"],
                     when=_when(one["prompted_at"])))  # fmt: skip
        for contact in one["gets"]:
            click.echo(t("   gets the messages of {contact}", contact=contact))
        if one["gets_the_rest"]:
            click.echo(t("   gets the messages that are not bound"))
    if not found["agents"]:
        click.echo(t("No agent session is open."))
    for binding in found["bindings"]:
        if not binding["live"]:
            click.echo(
                t("{contact} is bound to {kind} {value}: no such session is open", **binding)
            )


@click.command("bind")
@click.argument("contact", metavar="USER|BOT")
@click.option("--agent-session", metavar="ID", help="The session with this id or number.")
@click.option("--cwd", metavar="DIR", help="Sessions started in this folder or below.")
@click.option("--agent", type=click.Choice(AGENTS), help="Sessions of this agent.")
@click.pass_context
def bind_command(
    ctx: click.Context,
    contact: str,
    agent_session: str | None,
    cwd: str | None,
    agent: str | None,
) -> None:
    """Give all messages of USER, or to BOT, to certain agent sessions and to no others.

    Of several sessions the one gets them in which you were last active.
    """
    settings = settings_of(ctx)
    if sum(option is not None for option in (agent_session, cwd, agent)) != 1:
        raise UsageError(t("say which sessions: one of --agent-session, --cwd and --agent"))

    if agent_session is not None:
        kind, value = BindingKind.SESSION, agent_session
    elif cwd is not None:
        kind, value = BindingKind.FOLDER, str(Path(cwd).absolute())
    else:
        kind, value = BindingKind.AGENT, agent or ""

    async def body() -> Binding:
        async with open_service(settings) as service:
            return await bind(service.store, service.presence, contact, kind, value)

    made = run_async(body)
    click.echo(
        t("{contact} is bound to {kind} {value}", contact=made.contact, kind=made.kind.value,
          value=made.value)
    )  # fmt: skip


@click.command("unbind")
@click.argument("contact", metavar="USER|BOT")
@click.pass_context
def unbind_command(ctx: click.Context, contact: str) -> None:
    """Let the messages of USER, or to BOT, go where you were last active again."""
    settings = settings_of(ctx)

    async def body() -> str:
        async with open_service(settings) as service:
            if await service.store.bindings.remove(contact):
                return contact
            name = await contact_of(service.store, contact)
            if not await service.store.bindings.remove(name):
                raise UsageError(t("'{contact}' is not bound", contact=contact))
            return name

    click.echo(t("{contact} is not bound any more", contact=run_async(body)))


def state_name(state: str) -> str:
    """Return a state for people."""
    return t("working") if state == "working" else t("waiting for you")


def _when(moment: int) -> str:
    if not moment:
        return t("never")
    return f"{datetime.fromtimestamp(moment / 1000, timezone.utc).astimezone():%Y-%m-%d %H:%M:%S}"
