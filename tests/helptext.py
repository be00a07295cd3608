"""The help text that is kept in a file: `python -m tests.helptext --write` brings it up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from weilink.cli.main import root

PATH = Path(__file__).parent.parent / "weilink" / "cli" / "help.txt"


def current() -> str:
    """Return what `weilink --help` says, at the width of an ordinary terminal."""
    with root.make_context("weilink", [], resilient_parsing=True, terminal_width=80) as context:
        return root.get_help(context) + "\n"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PATH.write_text(current(), "utf-8")
