"""`weilink admin`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weilink.cli.common import run_async, settings_of
from weilink.i18n import t

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from weilink.server.host import Host
    from weilink.server.standing import Face


def panel(host: str, port: int) -> Face:
    """Return the panel as one of the faces of a server that a person has started."""
    from weilink.server import admin
    from weilink.server.standing import Face

    def made(service: Host, url: str) -> ASGIApp:
        click.echo(t("Admin panel; whoever has this link can use it:"))
        click.echo(f"  {admin.link(service.settings.base_path, url)}")
        return admin.app(service)

    return Face(made, host, port, lambda url: None, admin.STREAMS)


@click.command("admin")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on, 0 for any.",
)
@click.pass_context
def admin_command(ctx: click.Context, host: str, port: int) -> None:
    """Run the admin panel in the browser: bots, people, conversations, agents, health, log."""
    settings = settings_of(ctx)
    from weilink.server.standing import serve

    run_async(lambda: serve(settings, panel(host, port)))
