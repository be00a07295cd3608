"""Numbered messages from the phone, and how often each reached a model."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model
from tests.agents.terminal import Terminal
from tests.support.agents import USUAL, connect
from tests.support.processes import codex_daemons, waiting_hooks
from tests.support.server import Server
from weilink.sandbox.phone import Phone

DEADLINE = 60.0
"""Seconds: a lease, a new leader and a new agent fit in, on a loaded machine too."""


class Flow:
    """One user with one agent, who is written to while things end.

    `at_risk` are the messages that were on their way when an agent died: only they may have been
    read twice.
    """

    def __init__(
        self,
        agent: Claude | Codex,
        server: Server,
        model: Model,
        phone: Phone,
        hooks: str = USUAL,
    ) -> None:
        self.agent = agent
        self.server = server
        self.model = model
        self._phone = phone
        self.at_risk: set[int] = set()
        self.written = 0
        self._read_by_now = 0
        connect(agent, server, hooks)

    @property
    def terminal(self) -> Terminal:
        """The terminal that is open."""
        return self.agent.terminals[-1]

    def open(self) -> None:
        """Open a terminal; type a prompt where the agent is not known before that."""
        self.agent.interactive()
        if isinstance(self.agent, Codex):
            self.terminal.wait_quiet(0.5)
            self.type("hello")
        self.terminal.wait_quiet(0.5)

    def type(self, text: str) -> None:
        """Type a prompt and wait until the model has it."""
        turns = len(self.model.turns)
        self.terminal.type(text)
        self.model.wait_for_text(text, after=turns)

    def write(self, count: int) -> None:
        """Write messages."""
        for _ in range(count):
            self._phone.write(f"message {self.written} of many.")
            self.written += 1

    def agent_dies(self) -> None:
        """What is on its way now may have been read already, and comes again."""
        self.at_risk |= set(range(self._read_by_now, self.written))

    def settle(self) -> None:
        """Wait until the last message is read and the agent is idle."""
        self.model.wait_for_text(f"message {self.written - 1} of many.", deadline=DEADLINE)
        self.terminal.wait_quiet(0.5)
        until(lambda: self.claims().get("written") == 0, "an agent shows that it has read")
        self._read_by_now = self.written

    def claims(self) -> dict[str, int]:
        """How many claims are in which state."""
        found: dict[str, int] = self.server.json("status")["claims"]
        return found

    def check(self) -> None:
        """Every message was in a request once; twice only where an agent died."""
        numbers = [
            int(number)
            for turn in self.model.turns
            for number in re.findall(r"message (\d+) of many\.", turn.new_text)
        ]
        times = Counter(numbers)
        assert sorted(times) == list(range(self.written)), "a message is missing"
        twice = {number for number, count in times.items() if count > 1}
        assert twice <= self.at_risk, "it came twice, and no agent died"
        assert max(times.values()) <= 2
        if not self.at_risk:
            assert numbers == sorted(numbers), "they came in another order"

    def waiters(self) -> list[int]:
        """The processes of the agent's waiting hooks."""
        return waiting_hooks(self.agent.home)

    def daemons(self) -> list[int]:
        """The background servers of Codex."""
        return codex_daemons(self.agent.home)


def until(true: Callable[[], object], what: str, deadline: float = DEADLINE) -> None:
    """Wait until `true()`; each asking does some work."""
    end = time.monotonic() + deadline
    while not true():
        assert time.monotonic() < end, f"not in time: {what}"


def send(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to processes that may be gone."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
