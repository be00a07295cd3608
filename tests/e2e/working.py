"""What tests of turns share: agents at work, and what happens while the model is thinking."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Call, Model, Reply, Request, Say
from tests.agents.terminal import Terminal


def working(agent: Claude | Codex) -> Terminal:
    """Start an agent that may use its shell."""
    if isinstance(agent, Codex):
        terminal = agent.interactive("-a", "never", "-s", "danger-full-access")
    else:
        agent.allow("Bash")
        terminal = agent.interactive()
    terminal.wait_quiet(0.5)
    return terminal


def use(agent: Claude | Codex) -> Call:
    """Return a call of the agent's shell."""
    if isinstance(agent, Codex):
        return Call("exec_command", {"cmd": "echo used"})
    return Call("Bash", {"command": "echo used", "description": "x"})


def times(model: Model, text: str) -> list[int]:
    """Return how often the text is new in each request of a turn."""
    return [turn.new_text.count(text) for turn in model.turns]


class Meanwhile:
    """Lets something happen while the model is thinking about its n-th answer."""

    def __init__(self, model: Model, replies: dict[int, Reply]) -> None:
        self._happens: dict[int, Callable[[], None]] = {}
        self._replies = replies
        self._lock = threading.Lock()
        self._count = 0
        model.respond = self._respond

    def at(self, request: int, happens: Callable[[], None]) -> None:
        """Do this before the answer to the request of this number, counted from 0."""
        self._happens[request] = happens

    def _respond(self, request: Request) -> Reply:
        with self._lock:
            number, self._count = self._count, self._count + 1
        if number in self._happens:
            self._happens[number]()
        return self._replies.get(number, Say(f"answer {number}."))
