"""`weilink agents`, `bind` and `unbind`: live agent sessions, and which gets what."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.cli.output import Sessions
from weilink.errors import UsageError
from weilink.i18n import t
from weilink.service import Service, open_service
from weilink.service.assignments import assignments
from weilink.store.agentsessions import AgentSession, Binding, BindingKind


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
@click.option("--agent", type=click.Choice(["claude", "codex"]), help="Sessions of this agent.")
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

    folder = Path(os.path.realpath(cwd)) if cwd is not None else None
    if folder is not None and not folder.is_dir():
        raise UsageError(t("'{folder}' is not a folder", folder=cwd))

    async def body() -> Binding:
        async with open_service(settings) as service:
            name = await _contact(service, contact)
            if agent_session is not None:
                session = find_session(await service.presence.read(), agent_session)
                binding = Binding(name, BindingKind.SESSION, session.id)
            elif folder is not None:
                binding = Binding(name, BindingKind.FOLDER, str(folder))
            else:
                binding = Binding(name, BindingKind.AGENT, agent or "")
            await service.store.bindings.set(binding)
            return binding

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
            name = await _contact(service, contact)
            if not await service.store.bindings.remove(name):
                raise UsageError(t("'{contact}' is not bound", contact=contact))
            return name

    click.echo(t("{contact} is not bound any more", contact=run_async(body)))


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
        t("no open agent session is called '{name}'; 'weilink agents' lists them", name=name)
    )


def state_name(state: str) -> str:
    """Return a state for people."""
    return t("working") if state == "working" else t("waiting for you")


def _when(moment: int) -> str:
    if not moment:
        return t("never")
    return f"{datetime.fromtimestamp(moment / 1000, timezone.utc).astimezone():%Y-%m-%d %H:%M:%S}"


async def _contact(service: Service, name: str) -> str:
    for session in service.logins.sessions():
        if name in (session.name, session.bot_id):
            return session.bot_id
    known = {window.user_id for window in await service.store.windows.all()}
    if name in known or name in await service.store.bindings.all() or "@" in name:
        return name
    raise UsageError(
        t("'{name}' is neither a user who wrote nor a bot; 'weilink status' lists them", name=name)
    )
