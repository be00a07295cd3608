"""Run every benchmark: `python -m tests.bench [NAME ...]`."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import tests.bench

HELPERS = frozenset({"__main__", "side_by_side"})


def main(names: list[str]) -> int:
    """Run the benchmarks `names` (all of them when empty); 1 when one is over its limit."""
    found = [module.name for module in pkgutil.iter_modules(tests.bench.__path__)]
    code = 0
    for name in names or sorted(set(found) - HELPERS):
        print(f"-- {name}", flush=True)
        code |= importlib.import_module(f"tests.bench.{name}").main()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
