"""The `weilink` command. Imports nothing heavy, so that `weilink --help` is instant."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the command line of this process and exit with its code."""
    # Importing click costs more than the rest of the start-up together, so the text of the
    # bare `--help` is kept beside this file. `make docs` writes it, a test compares it.
    if sys.argv[1:] in (["--help"], ["-h"]):
        text = (Path(__file__).parent / "help.txt").read_text("utf-8")
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            from weilink.cli.stdout import given_up

            sys.exit(given_up(error))
        return
    from weilink.cli.main import run

    sys.exit(run(sys.argv[1:]))
