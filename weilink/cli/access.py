"""`weilink access`: who may put text in front of an agent."""

from __future__ import annotations

import click

from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.i18n import t
from weilink.service import open_service
from weilink.service.access import Policy


@click.group("access", invoke_without_command=True)
@click.pass_context
def access_command(ctx: click.Context) -> None:
    """Choose who may write to your agents. By default only the owner of each bot may."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@access_command.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool = False) -> None:
    """Show the policy and the people who were allowed or denied by name."""
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            policy = await service.store.preferences.get("access_policy", Policy.OWNER.value)
            people = await service.store.preferences.access_list()
            owners = [s.user_id for s in service.logins.sessions() if s.user_id]
        if as_json:
            from weilink.cli.output import Access

            echo_json(Access(policy=Policy(policy).value, owners=owners, people=people))
            return
        click.echo(t("policy: {policy}", policy=policy))
        for owner in owners:
            click.echo(t("owner: {user}", user=owner))
        for user, allowed in sorted(people.items()):
            label = t("allowed: {user}", user=user) if allowed else t("denied: {user}", user=user)
            click.echo(label)

    run_async(body)


def _name(ctx: click.Context, user: str, allowed: bool) -> None:
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            await service.store.preferences.set_access(user, allowed)
            policy = await service.store.preferences.get("access_policy", Policy.OWNER.value)
        if policy == Policy.OWNER.value and allowed:
            click.echo(
                t("Noted. It takes effect under another policy: weilink access policy allowlist")
            )

    run_async(body)


@access_command.command("allow")
@click.argument("user")
@click.pass_context
def allow(ctx: click.Context, user: str) -> None:
    """Let USER write to your agents (under the policies allowlist and anyone)."""
    _name(ctx, user, True)


@access_command.command("deny")
@click.argument("user")
@click.pass_context
def deny(ctx: click.Context, user: str) -> None:
    """Keep USER's messages away from your agents."""
    _name(ctx, user, False)


@access_command.command("policy")
@click.argument("policy", type=click.Choice([policy.value for policy in Policy]))
@click.pass_context
def policy(ctx: click.Context, policy: str) -> None:
    """Let in the owner alone, the allowed people too, or anyone who is not denied."""
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            await service.store.preferences.set("access_policy", policy)
        click.echo(t("policy: {policy}", policy=policy))

    run_async(body)
