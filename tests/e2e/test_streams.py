"""Messages that pour in at any moment of a turn: each arrives once, and in order.

That is when several hooks of a session, and whatever wakes it, reach for the next message.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model, Request, Say
from tests.support.agents import connect
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = [pytest.mark.agents, pytest.mark.slow]

MESSAGES = 100
DEADLINE = 60.0


class Streams:
    """One writer for each agent."""

    def __init__(self, agents: dict[str, Claude | Codex], server: Server, model: Model) -> None:
        self._agents = agents
        self._server = server
        self._model = model
        self._chance = random.Random(4)

    def open(self) -> None:
        """Open the agents, each with a first turn, and bind each writer to one."""
        server, model, phone = self._server, self._model, self._server.phone
        assert server.weilink("access", "policy", "anyone").returncode == 0
        for user, agent in self._agents.items():
            connect(agent, server)
            terminal = agent.interactive()
            terminal.wait_quiet(0.5)
            turns = len(model.turns)
            terminal.type(f"I am the agent of {user}")
            session = model.wait_for_text(f"I am the agent of {user}", after=turns).session
            terminal.wait_quiet(0.5)
            done = server.weilink("bind", phone.user_id(user), "--agent-session", session)
            assert done.returncode == 0, done.stderr

    def answer_slowly(self) -> None:
        """Let turns take up to a second."""

        def respond(_: Request) -> Say:
            time.sleep(self._chance.choice((0.0, 0.3, 1.0)) * self._chance.random())
            return Say()

        self._model.respond = respond

    def write(self, most: float, between: Callable[[], None] = lambda: None) -> None:
        """Write all messages, up to `most` seconds apart, so that they meet every moment."""
        phone = self._server.phone
        for number in range(MESSAGES):
            for user in self._agents:
                phone.write(f"message {number} of {user}.", user=user, bot=phone.bot().bot_id)
            time.sleep(self._chance.uniform(0, most))
            between()

    def check(self) -> None:
        """Wait until all have arrived; each came once, in order."""
        expected = {user: list(range(MESSAGES)) for user in self._agents}
        end = time.monotonic() + DEADLINE
        # What was lost on the way may come later than what was not.
        while any(map(set.difference, map(set, expected.values()), map(set, self._came()))):
            if time.monotonic() > end:
                break
            time.sleep(0.2)
        log = Path(f"{self._server.base}.log").read_text()
        for user, came in zip(expected, self._came(), strict=True):
            if came != expected[user]:
                pytest.fail(f"{user}: {came}\n{log}")

    def _came(self) -> list[list[int]]:
        return [
            [
                int(number)
                for turn in self._model.turns
                for number in re.findall(rf"message (\d+) of {user}\.", turn.new_text)
            ]
            for user in self._agents
        ]


@pytest.fixture
def streams(
    codex_program: Path, claude_program: Path, tmp_path: Path, server: Server, model: Model
) -> Iterator[Streams]:
    """Writers to a Claude Code and two of Codex."""
    agents: dict[str, Claude | Codex] = {
        "bob": Claude(claude_program, tmp_path / "claude", model),
        "carol": Codex(codex_program, tmp_path / "codex0", model),
        "dave": Codex(codex_program, tmp_path / "codex1", model),
    }
    streams = Streams(agents, server, model)
    try:
        streams.open()
        yield streams
    finally:
        for agent in agents.values():
            agent.close()


def test_around_the_ends_of_turns(streams: Streams) -> None:
    streams.write(0.25)
    streams.check()


def test_while_whoever_leads_is_killed_again_and_again(
    streams: Streams, server: Server, phone: Phone
) -> None:
    streams.answer_slowly()
    others = [Server(server.base, phone) for _ in range(2)]
    for other in others:
        other.env = server.env
        other.start()
    again, kills = time.monotonic() + 2, 0

    def kill() -> None:
        nonlocal again, kills
        if time.monotonic() < again:
            return
        leading = int((server.base / "run" / "recv").read_text().split()[3])
        ours = [one for one in others if one.process is not None and one.process.pid == leading]
        with contextlib.suppress(ProcessLookupError):  # nobody has taken over yet
            os.kill(leading, signal.SIGKILL)  # an agent may have started it
            kills += 1
        for one in ours:
            one.kill()
            one.start()
        again = time.monotonic() + 3

    try:
        streams.write(0.5, kill)
        streams.check()
    finally:
        for other in others:
            other.kill()
    assert kills >= 5
