"""`weilink sessions`."""

from __future__ import annotations

import click

from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.cli.output import BotSession, BotSessions
from weilink.i18n import t, told
from weilink.service import open_service


@click.group("sessions", invoke_without_command=True)
@json_option
@click.pass_context
def sessions_command(ctx: click.Context, as_json: bool) -> None:
    """List the bot sessions; rename one; choose the default one."""
    if ctx.invoked_subcommand is not None:
        return
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            default = await service.logins.default()
            sessions = [
                BotSession(
                    name=session.name,
                    bot_id=session.bot_id,
                    user_id=session.user_id,
                    default=session.name == default,
                    problem=(await service.store.bots.get(session.bot_id)).problem,
                )
                for session in service.logins.sessions()
            ]
        if as_json:
            echo_json(BotSessions(sessions=sessions))
        elif not sessions:
            click.echo(t("No bot is logged in. Run 'weilink login'."))
        else:
            for session in sessions:
                mark = "*" if session.default else " "
                click.echo(f"{mark} {session.name}  {session.bot_id}  {told(session.problem)}")

    run_async(body)


@sessions_command.command("rename")
@click.argument("old")
@click.argument("new")
@click.pass_context
def rename(ctx: click.Context, old: str, new: str) -> None:
    """Give the session OLD the name NEW."""
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            await service.logins.rename(old, new)
            click.echo(t("Bot session '{old}' is called '{new}' now.", old=old, new=new))

    run_async(body)


@sessions_command.command("default")
@click.argument("name")
@click.pass_context
def default(ctx: click.Context, name: str) -> None:
    """Make NAME the session that is used when none is named."""
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            await service.logins.set_default(name)
            click.echo(t("'{name}' is the default bot session now.", name=name))

    run_async(body)
