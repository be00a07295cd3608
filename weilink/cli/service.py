"""`weilink service`: a service of the user's own that keeps the MCP server running."""

from __future__ import annotations

import click

from weilink.cli.common import echo_json, json_option, settings_of
from weilink.i18n import t


@click.group("service")
def service_command() -> None:
    """Keep `weilink mcp -t http` running without an agent: systemd or launchd.

    Agents start a server with each session, so this is for messages that come while none is open,
    and for agents that were set up with --transport http.
    """


@service_command.command("install")
@click.option(
    "-p",
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Port of the MCP server.",
)
@click.option("--admin-port", type=click.IntRange(1, 65535), help="Port of the admin panel.")
@click.option("--dry-run", is_flag=True, help="Print the file and write nothing.")
@click.pass_context
def install(ctx: click.Context, port: int, admin_port: int | None, dry_run: bool) -> None:
    """Put the service in, start it, and wait until it serves."""
    settings = settings_of(ctx)
    from weilink.userservice import installing

    manager = installing.manager_here()
    server = installing.server_for(settings.base_path, port, admin_port)
    if dry_run:
        click.echo(f"# {manager.file}")
        click.echo(manager.content(server).decode(), nl=False)
        return
    if not installing.install(manager, server):
        click.echo(t("The service runs already: {url}", url=installing.url(port)))
        return
    click.echo(t("The service runs: {url}", url=installing.url(port)))
    if admin_port:
        click.echo(t("Admin panel: {url}", url=installing.admin_url(admin_port)))
    click.echo(t("Its file: {path}", path=manager.file))
    click.echo(t("Its log: {command}", command=manager.log_command()))
    for hint in manager.hints():
        click.echo(hint)


@service_command.command("uninstall")
@click.pass_context
def uninstall(ctx: click.Context) -> None:
    """Stop the service and take it out."""
    settings_of(ctx)
    from weilink.userservice import installing

    manager = installing.manager_here()
    if installing.uninstall(manager):
        click.echo(t("The service is stopped and taken out."))
    else:
        click.echo(t("There is no service ({path}).", path=manager.file))


@service_command.command("status")
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show whether the service is installed and runs."""
    settings_of(ctx)
    from weilink.userservice import installing

    manager = installing.manager_here()
    found = installing.report(manager)
    if as_json:
        from weilink.cli.output import UserService

        facts = found.facts or {}
        port, admin_port = facts.get("Port"), facts.get("AdminPort")
        echo_json(
            UserService(
                installed=found.facts is not None,
                running=found.state.running,
                pid=found.state.pid,
                state=found.state.words,
                file=str(found.file),
                base_path=facts.get("BasePath"),
                url=installing.url(port) if port else None,
                admin_url=installing.admin_url(admin_port) if admin_port else None,
            )
        )
        return
    if found.facts is None:
        click.echo(t("The service is not installed; 'weilink service install' does it."))
        return
    if found.state.running:
        click.echo(t("The service runs as process {pid}: {url}",
                     pid=found.state.pid, url=installing.url(found.facts["Port"])))  # fmt: skip
    else:
        click.echo(t("The service does not run: {state}; see: {command}",
                     state=found.state.words, command=manager.log_command()))  # fmt: skip
    click.echo(t("Its file: {path}", path=found.file))
    click.echo(t("Base path: {path}", path=found.facts["BasePath"]))
