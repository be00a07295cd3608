"""What an agent waits for when it starts: our stdio server, beside one with a single empty tool.

Time from the start of the process to the answer of `initialize`, and the memory it has then and
when its service is open. Both are compared with the same SDK doing nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

RUNS = 15
LIMIT = 1.25
EMPTY = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("empty")
@server.tool()
def nothing() -> None:
    "Do nothing."
server.run()
"""
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "0"},
    },
}


def kilobytes(pid: int) -> int:
    """Return the resident memory of a process, without what it shares with others."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("the system does not tell the memory of a process")


def start(command: Sequence[str], env: Mapping[str, str], opened: Path | None) -> list[float]:
    """Start a server; return the ms to its answer and the kB then and when `opened` is there."""
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        took = (time.perf_counter() - began) * 1000
        assert "result" in answer
        memory = kilobytes(process.pid)
        while opened is not None and not opened.exists():
            time.sleep(0.01)
        later = kilobytes(process.pid)
        process.stdin.close()
    return [took, memory, later]


def main() -> int:
    """Run the comparison; return 1 when it is over its limit."""
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name) / "empty.py"
        empty.write_text(EMPTY)
        base = Path(name) / "base"
        env = {
            "PATH": os.environ["PATH"],
            "HOME": name,
            "WEILINK_BASE_PATH": str(base),
            "WEILINK_ILINK_BASE_URL": "http://127.0.0.1:1",
        }
        for run in range(RUNS + 1):
            (base / "run" / "recv").unlink(missing_ok=True)
            mine = start([sys.executable, "-m", "weilink", "mcp"], env, base / "run" / "recv")
            other = start([sys.executable, str(empty)], env, None)
            if run:  # the first run fills caches
                ours.append(mine)
                theirs.append(other)
    good = True
    for what, unit, index, beside, limit in (
        ("mcp stdio, answer to initialize", "ms", 0, 0, LIMIT),
        ("mcp stdio, memory then", "kB", 1, 1, LIMIT),
        ("mcp stdio, memory as the leader", "kB", 2, 2, None),
    ):
        own = statistics.median(values[index] for values in ours)
        other_one = statistics.median(values[beside] for values in theirs)
        ratio = own / other_one
        fine = limit is None or ratio <= limit
        good = good and fine
        verdict = "ok" if fine else "OVER"
        bound = f"limit {limit}" if limit else "told only"
        print(
            f"{what:<44} {own:8.0f} {unit}  beside {other_one:8.0f} {unit}"
            f"  ratio {ratio:4.2f}  ({bound})  {verdict}",
            flush=True,
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
