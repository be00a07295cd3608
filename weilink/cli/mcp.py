"""`weilink mcp`."""

from __future__ import annotations

from pathlib import Path

import click

from weilink.cli.common import settings_of


@click.command("mcp")
@click.option(
    "-t",
    "--transport",
    type=click.Choice(["stdio"]),
    default="stdio",
    show_default=True,
    help="How clients connect.",
)
@click.option("-d", "--dir", "base_path", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False)
)
@click.pass_context
def mcp_command(
    ctx: click.Context, transport: str, base_path: Path | None, log_level: str | None
) -> None:
    """Run the MCP server. Agents start it by themselves once 'weilink setup' has told them."""
    settings = settings_of(ctx, base_path=base_path, log_level=log_level)
    from weilink import logs
    from weilink.server.mcp import run_stdio

    logs.configure(settings.log_level)
    run_stdio(settings)
