"""`python -m weilink.server` is `weilink mcp`."""

import sys

from weilink.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["mcp", *sys.argv[1:]]))
