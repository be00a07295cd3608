"""What waiting costs while nothing happens: the hook behind an idle agent, and the leader.

With the real Claude Code in a pseudo-terminal, measured for a minute. Beside each hook stands an
interpreter that does nothing at all: what the memory is made of.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.agents import programs
from tests.agents.claude import Claude
from tests.agents.model import Model
from tests.support.agents import connect
from tests.support.processes import waiting_hooks
from tests.support.server import Server
from weilink.sandbox.process import SandboxProcess

SESSIONS = 2
SECONDS = 60.0
LIMIT_MB = 12.0


def main() -> int:
    """Print memory and processor time of each waiting hook; 1 when one is over its limit."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Model() as model:
        sandbox = SandboxProcess.start()
        agent = Claude(programs.fetch(programs.CLAUDE), Path(folder) / "agent", model)
        nothing = _interpreter()
        try:
            server = Server.logged_in(Path(folder) / "weilink", sandbox.phone)
            try:
                connect(agent, server)
                for number in range(SESSIONS):
                    terminal = agent.interactive()
                    terminal.type(f"hello {number}")
                    model.wait_for_text(f"hello {number}")
                    terminal.wait_quiet(1)
                return _measure(agent, server, nothing)
            finally:
                server.close()
        finally:
            nothing.kill()
            nothing.wait()
            agent.close()
            sandbox.stop()


def _interpreter() -> subprocess.Popen[bytes]:
    python = os.path.realpath(sys.executable)
    return subprocess.Popen([python, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)


def _measure(agent: Claude, server: Server, nothing: subprocess.Popen[bytes]) -> int:
    assert server.process is not None
    hooks = waiting_hooks(agent.home)
    if len(hooks) != SESSIONS:
        raise RuntimeError(f"{len(hooks)} hooks wait for {SESSIONS} sessions")
    before = {pid: _ticks(pid) for pid in (*hooks, server.process.pid)}
    time.sleep(SECONDS)
    if waiting_hooks(agent.home) != hooks:
        raise RuntimeError("a hook that waited did not go on waiting")
    rate = 100 / SECONDS / os.sysconf("SC_CLK_TCK")
    used = {pid: (_ticks(pid) - ticks) * rate for pid, ticks in before.items()}
    bare, _ = _memory(nothing.pid)
    code = 0
    for pid in hooks:
        resident, proportional = _memory(pid)
        # A hundredth of a second is the finest that the system tells.
        good = resident <= LIMIT_MB and used[pid] <= rate
        code |= int(not good)
        print(
            f"{'a hook that waits, ' + str(round(SECONDS)) + ' s':<44}"
            f" {resident:5.1f} MB resident ({resident / bare:.2f} x an interpreter alone),"
            f" {proportional:.1f} MB of its own share, {used[pid]:.2f} % of a processor"
            f"  (limit {LIMIT_MB:.0f} MB, 0 %)  {'ok' if good else 'TOO MUCH'}",
            flush=True,
        )
    print(f"{'the leader meanwhile':<44} {used[server.process.pid]:5.2f} % of a processor")
    return code


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _memory(pid: int) -> tuple[float, float]:
    """Return resident and proportional memory in MB."""
    values = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0]) / 1024
    return values["Rss"], values["Pss"]


if __name__ == "__main__":
    raise SystemExit(main())
