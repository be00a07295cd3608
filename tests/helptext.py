"""The help texts that are kept in files: `python -m tests.helptext --write` brings them up to date.

`weilink/cli/help.txt` is what the bare `weilink --help` prints without starting the program;
`docs/cli.md` holds the help of every command, `docs/json.md` what each prints with `--json`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from tests import jsondoc
from weilink.cli.main import root

ROOT = Path(__file__).parent.parent

INTRO = """\
# The command line

Written by `make docs` from the program itself.

Exit codes: 0 done, 1 failed (one line on standard error says what, and what to do), 2 wrong usage,
3 not logged in, 4 a configuration file could not be read or is not valid (nothing was written).
Output for programs (`--json`, see [json.md](json.md)) goes to standard output, everything else
about a run to standard error.

"""


def help_of(command: click.Command, context: click.Context) -> str:
    """Return what `--help` prints, at the width of an ordinary terminal."""
    context.terminal_width = 80
    return command.get_help(context).rstrip() + "\n"


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Every command below `command`, by its full name, with its help."""
    yield context.command_path, help_of(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, name
            yield from commands(child, click.Context(child, info_name=name, parent=context))


def files() -> dict[Path, str]:
    """Return what each file should hold."""
    context = root.make_context("weilink", [], resilient_parsing=True)
    pages = [f"## {name}\n\n```text\n{text}```\n" for name, text in commands(root, context)]
    return {
        ROOT / "weilink" / "cli" / "help.txt": help_of(root, context),
        ROOT / "docs" / "cli.md": INTRO + "\n".join(pages),
        ROOT / "docs" / "json.md": jsondoc.page(),
    }


if __name__ == "__main__":
    if "--write" in sys.argv:
        for path, text in files().items():
            path.write_text(text, "utf-8")
