"""`weilink migrate`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.cli.output import Migrated
from weilink.i18n import t
from weilink.service import open_service
from weilink.service.migrating import Migration, migrate_openclaw, migrate_weilink
from weilink.store import Store

_from = click.option(
    "--from", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Where its data is."
)
_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would be taken over.")


@click.group("migrate")
def migrate_command() -> None:
    """Take over bot sessions from other programs, so that nobody has to scan a code again.

    Their files are only read. Stop the other program first: a bot can have one reader.
    """


@migrate_command.command("openclaw")
@_from
@_dry_run
@json_option
@click.pass_context
def openclaw(ctx: click.Context, folder: Path | None, dry_run: bool, as_json: bool) -> None:
    """Take over the accounts of the official OpenClaw plugin (~/.openclaw)."""
    # In the order in which the plugin itself looks.
    variables = ("OPENCLAW_STATE_DIR", "CLAWDBOT_STATE_DIR")
    moved = [value for name in variables if (value := os.environ.get(name, "").strip())]
    place = folder or Path((moved or ["~/.openclaw"])[0])
    _run(
        ctx,
        lambda store: migrate_openclaw(store, place.expanduser(), dry_run=dry_run),
        as_json=as_json,
    )


@migrate_command.command("weilink")
@_from
@_dry_run
@json_option
@click.pass_context
def weilink(ctx: click.Context, folder: Path | None, dry_run: bool, as_json: bool) -> None:
    """Take over bots and history of the weilink 0.6 SDK (~/.weilink).

    As the base path itself it is found and used without this command.
    """
    place = folder or Path("~/.weilink")
    done = _run(
        ctx,
        lambda store: migrate_weilink(store, place.expanduser(), dry_run=dry_run),
        as_json=as_json,
    )
    if not as_json:
        what = t("would be taken over") if dry_run else t("taken over")
        click.echo(t("{count} messages {what}", count=done.messages, what=what), err=True)


def _run(
    ctx: click.Context, migrate: Callable[[Store], Awaitable[Migration]], *, as_json: bool
) -> Migration:
    settings = settings_of(ctx)

    async def body() -> Migration:
        async with open_service(settings) as service:
            return await migrate(service.store)

    done = run_async(body)
    if as_json:
        echo_json(Migrated.model_validate(done, from_attributes=True))
        return done
    words = {
        "new": t("taken over"),
        "known": t("is logged in here already"),
        "would": t("would be taken over"),
    }
    for one in done.sessions:
        click.echo(f"{one.name}  {one.bot_id}  {words[one.outcome]}")
    return done
