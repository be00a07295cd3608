"""Time commands as whole processes, in turn, so that a drifting machine hits both alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence

RUNS = 30


def milliseconds(command: Sequence[str], env: Mapping[str, str], given: bytes) -> float:
    """Run `command` once with `given` on standard input and return its time."""
    began = time.perf_counter()
    done = subprocess.run(command, env=env, input=given, capture_output=True, check=False)
    took = (time.perf_counter() - began) * 1000
    if done.returncode != 0:
        raise RuntimeError(f"{command} failed: {done.stderr.decode(errors='replace')}")
    return took


def compare(
    name: str,
    command: Sequence[str],
    beside: Sequence[str],
    limit: float,
    *,
    env: Mapping[str, str],
    given: bytes = b"",
) -> bool:
    """Print the medians of both commands and their ratio; return whether it is within `limit`."""
    times: list[float] = []
    others: list[float] = []
    for run in range(RUNS + 1):
        ours = milliseconds(command, env, given)
        theirs = milliseconds(beside, env, given)
        if run:  # the first run fills caches
            times.append(ours)
            others.append(theirs)
    ours, theirs = statistics.median(times), statistics.median(others)
    ratio = ours / theirs
    verdict = "ok" if ratio <= limit else "TOO SLOW"
    print(
        f"{name:<44} {ours:7.1f} ms  beside {theirs:6.1f} ms  ratio {ratio:4.2f}"
        f"  (limit {limit})  {verdict}",
        flush=True,
    )
    return ratio <= limit
