"""The root command: its options, its groups of subcommands, and how errors end the process."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path
from typing import Any

import click

import weilink
from weilink.errors import WeiLinkError

# Group -> command -> the module of `weilink.cli` that defines it, under the command's name
# ("-" as "_", and "_command" behind it). A module is imported when its command is used.
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Set up": {
        "login": ("login", "Log a WeChat bot in with a QR code"),
        "setup": ("setup", "Put WeiLink into Claude Code and other agents, or take it out"),
        "doctor": ("doctor", "Check everything that could be wrong, and say how to cure it"),
        "status": ("status", "Show bots, waiting messages and who leads"),
    },
    "Messages": {
        "recv": ("messages", "Take the new messages"),
        "send": ("transfer", "Send text and files to somebody who wrote"),
        "download": ("transfer", "Save a picture, voice, file or video that came"),
        "history": ("messages", "Search all messages"),
        "access": ("access", "Choose who may write to your agents"),
    },
    "Agent sessions": {
        "agents": ("agents", "List open agent sessions and who gets what"),
        "bind": ("agents", "Give somebody's messages to certain agent sessions"),
        "unbind": ("agents", "Let somebody's messages go to the last active session again"),
    },
    "Bot sessions": {
        "sessions": ("sessions", "List bot sessions, rename them, choose the default one"),
        "logout": ("login", "Log a bot out and remove its credentials"),
        "migrate": ("migrate", "Take over bots from the OpenClaw plugin or weilink 0.6"),
    },
    "Servers": {
        "mcp": ("mcp", "Run the MCP server (agents start it by themselves)"),
        "admin": ("admin", "Run the admin panel in the browser"),
        "openapi": ("openapi", "Run the REST server: the tools over plain HTTP"),
        "service": ("service", "Keep the MCP server running without an agent"),
        "sandbox": ("sandbox", "Run an embedded WeChat on this computer, without an account"),
    },
}


class RootGroup(click.Group):
    """Lists the subcommands in groups and imports a subcommand only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102
        for group in COMMANDS.values():
            if cmd_name in group:
                module = importlib.import_module(f"weilink.cli.{group[cmd_name][0]}")
                command = getattr(module, cmd_name.replace("-", "_") + "_command")
                assert isinstance(command, click.Command)  # noqa: S101  (our own module)
                return command
        return None

    def format_commands(  # noqa: D102
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        width = max(len(name) for group in COMMANDS.values() for name in group)
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), summary) for name, (_, summary) in group.items()]
                )


@click.command(
    cls=RootGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-d",
    "--base-path",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Folder of WeiLink's data.  [default: ~/.weilink]",
)
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    help="How much to log on stderr.  [default: INFO]",
)
@click.version_option(weilink.__version__, prog_name="weilink")
@click.pass_context
def root(ctx: click.Context, base_path: Path | None, log_level: str | None) -> None:
    """Write to your coding agents from WeChat, and read their answers there."""
    ctx.obj = {"base_path": base_path, "log_level": log_level}


def run(arguments: list[str]) -> int:
    """Run the command line `arguments` and return the exit code (see `weilink.errors`)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # `weilink history > file` on Windows: an emoji that its encoding lacks ends nothing.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        result: Any = root.main(arguments, prog_name="weilink", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        from weilink.i18n import t

        click.echo(t("Stopped."), err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WeiLinkError as error:
        from weilink.i18n import told

        click.echo(f"weilink: {told(str(error))}", err=True)
        return error.exit_code
    except SystemExit:
        # Click's end when the reader of a pipe has gone: `weilink history | head`.
        return 0
    except OSError as error:
        from weilink.cli.stdout import given_up

        return given_up(error)
    return result if isinstance(result, int) else 0
