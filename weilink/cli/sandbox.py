"""`weilink sandbox`: the embedded WeChat on loopback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from weilink.i18n import t

if TYPE_CHECKING:
    from weilink.sandbox.world import World


@click.command()
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    default=8787,
    show_default=True,
    help="Port on 127.0.0.1; 0 picks a free one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when it listens.")
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
@click.pass_context
def sandbox_command(
    context: click.Context, port: int, as_json: bool, until_stdin_closes: bool
) -> None:
    """Run an embedded WeChat on this computer, without an account.

    It serves the iLink protocol on loopback until Ctrl-C. Everything it knows is in memory.
    """
    import logging

    from weilink.sandbox.serve import serve

    asked = (context.obj or {}).get("log_level")
    logging.basicConfig(level=asked or "WARNING", format="%(levelname)s %(name)s: %(message)s")

    def started(world: World) -> None:
        if as_json:
            urls = {"base_url": world.base_url, "cdn_base_url": world.cdn_base_url}
            click.echo(json.dumps(urls))
            return
        click.echo(t("WeChat sandbox on {url} (open it: it is the phone)", url=world.base_url))
        click.echo(t("To use it instead of the real service, in another terminal:"))
        click.echo(f"  export WEILINK_ILINK_BASE_URL={world.base_url}")
        click.echo(f"  export WEILINK_CDN_BASE_URL={world.cdn_base_url}")
        click.echo(t("Ctrl-C stops it; everything in it is then gone."))

    serve(port, started, until_stdin_closes=until_stdin_closes)
