"""Run the benchmarks: `python -m tests.bench [NAME ...]`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

import tests.bench

HELPERS = frozenset({"__main__", "side_by_side"})


def parser(names: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Run benchmarks, each as a ratio to something measured beside it. "
        "Exit code 1 when one is over its limit.",
    )
    made.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which to run, all when none is named: {', '.join(names)}",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that are named, or all; 1 when one is over its limit."""
    found = {module.name for module in pkgutil.iter_modules(tests.bench.__path__)}
    names = sorted(found - HELPERS)
    command_line = parser(names)
    wanted = command_line.parse_args(arguments).names or names
    if unknown := [name for name in wanted if name not in names]:
        command_line.error(
            f"there is no benchmark {', '.join(unknown)}; there are {', '.join(names)}"
        )
    code = 0
    for name in wanted:
        print(f"-- {name}", flush=True)
        code |= importlib.import_module(f"tests.bench.{name}").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
