"""`weilink openapi`."""

from __future__ import annotations

import click

from weilink.cli.common import run_async, settings_of
from weilink.i18n import t


@click.command("openapi")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on, 0 for any.",
)
@click.option(
    "--admin-port", type=click.IntRange(0, 65535), help="Serve the admin panel on this port too."
)
@click.option(
    "--token",
    help="Bearer token that clients must send; other users can see it in the process list, "
    "WEILINK_TOKEN they cannot.",
)
@click.pass_context
def openapi_command(
    ctx: click.Context, host: str, port: int, admin_port: int | None, token: str | None
) -> None:
    """Run the REST server: the tools as POST requests, described at /docs and /openapi.json."""
    settings = settings_of(ctx, token=token)
    from weilink.server import rest
    from weilink.server.guard import check_exposure
    from weilink.server.standing import Face, serve

    secret = settings.token.get_secret_value() if settings.token else None
    check_exposure(host, secret)

    def started(url: str) -> None:
        click.echo(t("WeiLink REST server at {url}, described at {url}/docs.", url=url))
        click.echo(t("Ctrl-C ends it."))

    faces = [Face(lambda service, url: rest.app(service, host, secret), host, port, started)]
    if admin_port is not None:
        from weilink.cli.admin import panel

        faces.append(panel(host, admin_port))
    run_async(lambda: serve(settings, *faces))
