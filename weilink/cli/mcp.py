"""`weilink mcp`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from weilink.cli.common import configure_logs, settings_of

TRANSPORTS = ["stdio", "sse", "http", "streamable-http"]


@click.command("mcp")
@click.option(
    "-t",
    "--transport",
    type=click.Choice(TRANSPORTS),
    default="stdio",
    show_default=True,
    help="How clients connect; http means streamable-http.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; not for stdio."
)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on, 0 for any; not for stdio.",
)
@click.option(
    "-d",
    "--dir",
    "base_path",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of WeiLink's data.",
)
@click.option(
    "--admin-port", type=click.IntRange(0, 65535), help="Serve the admin panel on this port too."
)
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    help="How much to log on stderr.",
)
@click.option("--no-banner", is_flag=True, help="Say nothing on stderr at the start.")
@click.option(
    "--token",
    help="Bearer token that clients must send; other users can see it in the process list, "
    "WEILINK_TOKEN they cannot.",
)
@click.pass_context
def mcp_command(
    ctx: click.Context,
    transport: str,
    host: str,
    port: int,
    base_path: Path | None,
    admin_port: int | None,
    log_level: str | None,
    no_banner: bool,
    token: str | None,
) -> None:
    """Run the MCP server. Agents start it by themselves once 'weilink setup' has told them."""
    settings = settings_of(ctx, base_path=base_path, log_level=log_level, token=token)
    from weilink.server.running import Options, Transport, run

    configure_logs(ctx, settings, settings.log_level)
    transport = "streamable-http" if transport == "http" else transport
    run(
        settings,
        Options(
            transport=cast(Transport, transport),
            host=host,
            port=port,
            admin_port=admin_port,
            banner=not no_banner,
        ),
    )
