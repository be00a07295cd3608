"""`weilink setup`: WeiLink into a coding agent, or out of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from weilink.errors import UsageError
from weilink.i18n import set_language, t


@click.command("setup")
@click.argument("agent", required=False)
@click.option(
    "--scope",
    type=click.Choice(["user", "project", "local"]),
    default="user",
    show_default=True,
    help="For you everywhere, for everybody in this folder's project, or for you in it.",
)
@click.option(
    "--transport",
    type=click.Choice(["stdio", "http"]),
    default="stdio",
    show_default=True,
    help="The agent starts the MCP server itself, or uses a running `weilink mcp -t http`.",
)
@click.option(
    "--hooks",
    metavar="LIST",
    help="Which hooks, separated by commas, or none.  [default: prompt,session,turn,wake]",
)
@click.option("--no-trust", is_flag=True, help="Do not make Codex trust the hooks.")
@click.option("--dry-run", is_flag=True, help="Print the diff and write nothing.")
@click.option("--yes", "-y", is_flag=True, help="Agree to all that the plan names.")
@click.option("--uninstall", is_flag=True, help="Take out what setup put in.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (docs/setup.md).")
@click.pass_obj
def setup_command(
    options: dict[str, Any],
    agent: str | None,
    scope: Any,
    transport: Any,
    hooks: str | None,
    no_trust: bool,
    dry_run: bool,
    yes: bool,
    uninstall: bool,
    as_json: bool,
) -> None:
    """Put WeiLink into a coding agent, or take it out again.

    Without AGENT it looks which ones are here, asks, shows every change, and tries it out.
    AGENT is claude, codex, claude-desktop, cursor or vscode.
    """
    # Imported here: `weilink --help` must not pay for them.
    from weilink import agents, settings
    from weilink.setup import report
    from weilink.setup.install import Choice, Job

    loaded = settings.load(**options)
    set_language(loaded.lang)
    known = ", ".join(_known())
    if agent is None:
        _refuse_options()
        from weilink.cli import wizard

        wizard.check_terminal(known)
        raise click.exceptions.Exit(wizard.run(loaded, _folder()))
    if agent not in agents.ALL:
        raise UsageError(
            t("'{agent}' is not an agent; use one of {known}", agent=agent, known=known)
        )
    chosen = agents.ALL[agent]
    if scope not in chosen.scopes:
        raise UsageError(t("{agent} has no scope '{scope}'", agent=chosen.title, scope=scope))
    _check_can_ask(dry_run=dry_run, yes=yes, as_json=as_json)
    groups = _hooks(hooks, chosen.hooks, chosen.more_hooks)
    job = Job(Choice(chosen, scope, transport, groups, uninstall, not no_trust), loaded, _folder())
    console = report.make_console()

    if job.interrupted and not dry_run:
        job.repair()
    plan, trust = job.plan(), None
    if not as_json and (plan.effective or plan.remarks):
        report.show_plan(console, job, plan, whole=dry_run)
    if dry_run:
        if not as_json:
            console.print(
                t("Nothing was written (--dry-run).")
                if plan.effective
                else t("Nothing would change.")
            )
    else:
        if plan.effective and not yes and not _agreed():
            console.print(t("Nothing was written."))
            raise click.exceptions.Exit(1)
        grant = yes
        if not yes and job.asks_for_trust(plan):
            report.show_trust(console, job, plan)
            grant = click.confirm(t("Trust these hooks?"), default=True)
        plan, trust = job.apply(plan, agreed_to_all=yes, grant=grant)
    if as_json:
        click.echo(json.dumps(report.as_json(job, plan, trust, dry_run=dry_run), indent=2))
    elif not dry_run:
        report.show_result(console, job, plan, trust)


def _refuse_options() -> None:
    """Without an agent everything is asked; an option would be forgotten without a word."""
    ctx = click.get_current_context()
    for name in ctx.params:
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(
                t("Say which agent the options are for: weilink setup AGENT, with one of {known}",
                  known=", ".join(_known()))
            )  # fmt: skip


def _known() -> list[str]:
    from weilink import agents

    return list(agents.ALL)


def _check_can_ask(*, dry_run: bool, yes: bool, as_json: bool) -> None:
    if dry_run or yes:
        return
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            t("Nobody can be asked here; add --yes to write, or --dry-run to see what would be")
        )


def _folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError(t("The current folder is gone; change to another one")) from None


def _agreed() -> bool:
    return click.confirm(t("Write this?"), default=True)


def _hooks(asked: str | None, usual: Any, more: Any) -> tuple[str, ...]:
    if asked is None:
        return tuple(usual)
    if asked == "none":
        return ()
    offered = (*usual, *more)
    names = dict.fromkeys(name.strip() for name in asked.split(",") if name.strip())
    for name in names:
        if name not in offered:
            raise UsageError(
                t(
                    "'{name}' is not a group of hooks; choose from {offered}, or none",
                    name=name,
                    offered=", ".join(offered),
                )
            )
    return tuple(name for name in offered if name in names)
