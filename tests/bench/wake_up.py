"""How long an idle agent takes from the message on the phone to its request to the model.

With the real Claude Code and Codex in pseudo-terminals. Counted from before the phone writes, so
the way through the iLink service is part of it. A first message comes after a minute of idleness.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.agents import programs
from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model
from tests.agents.terminal import Terminal
from tests.support.agents import connect
from tests.support.server import Server
from weilink.sandbox.process import SandboxProcess

TIMES = 20
LIMIT = 1.5
IDLE = 60.0


def main() -> int:
    """Print median and worst for each agent; 1 when a message took too long."""
    return max(measure("claude"), measure("codex"))


def measure(name: str) -> int:
    """Wake one agent again and again."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Model() as model:
        sandbox = SandboxProcess.start()
        agent: Claude | Codex
        if name == "claude":
            agent = Claude(programs.fetch(programs.CLAUDE), Path(folder) / "agent", model)
        else:
            agent = Codex(programs.fetch(programs.CODEX), Path(folder) / "agent", model)
        try:
            server = Server.logged_in(Path(folder) / "weilink", sandbox.phone)
            try:
                return _report(name, _times(agent, server, model))
            finally:
                server.close()
        finally:
            agent.close()
            sandbox.stop()


def _times(agent: Claude | Codex, server: Server, model: Model) -> list[float]:
    connect(agent, server)
    terminal = agent.interactive()
    terminal.type("hello")
    model.wait_for_text("hello")
    _idle(terminal)
    times = []
    for number in range(TIMES):
        turns = len(model.turns)
        began = time.monotonic()
        server.phone.write(f"wake number {number}.")
        times.append(model.wait_for_text(f"wake number {number}.", after=turns).time - began)
        terminal.wait_quiet(0.5)
    texts = "\n".join(turn.new_text for turn in model.turns)
    if any(texts.count(f"wake number {number}.") != 1 for number in range(TIMES)):
        raise RuntimeError("a message did not arrive exactly once")
    return times


def _idle(terminal: Terminal) -> None:
    terminal.wait_quiet(1)
    end = time.monotonic() + IDLE
    while time.monotonic() < end:
        time.sleep(1)


def _report(name: str, times: list[float]) -> int:
    worst = max(times)
    verdict = "ok" if worst <= LIMIT else "TOO SLOW"
    print(
        f"{name + ' woken, message to model':<44} median {statistics.median(times):5.2f} s"
        f"  worst {worst:5.2f} s  after a minute {times[0]:5.2f} s  (limit {LIMIT})  {verdict}",
        flush=True,
    )
    return int(worst > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
