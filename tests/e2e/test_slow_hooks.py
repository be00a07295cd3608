"""A hook that its agent ends because it took too long loses no message, and doubles none."""

from __future__ import annotations

import json
import time

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model, Say
from tests.e2e.slow import Phase, SlowEndpoint
from tests.support.agents import connect
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.agents


def end_hooks_after(agent: Claude | Codex, seconds: int) -> None:
    """Edit how long the agent waits for its hooks on prompts: less than the hook itself does."""
    file = agent.hooks if isinstance(agent, Codex) else agent.settings
    content = json.loads(file.read_text())
    (group,) = content["hooks"]["UserPromptSubmit"]
    group["hooks"][0]["timeout"] = seconds
    file.write_text(json.dumps(content))
    if isinstance(agent, Codex):
        agent.trust_hooks()


def wait_pending(server: Server, count: int) -> None:
    """Wait until so many messages wait for an agent again."""
    deadline = time.monotonic() + 20
    while (found := server.json("status")["messages"])["pending"] != count:
        assert time.monotonic() < deadline, found


def test_a_hook_that_the_agent_ends(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    connect(agent, server, "prompt", "--transport", "http")
    end_hooks_after(agent, 2)
    terminal = agent.interactive()
    terminal.wait_quiet(0.5)
    phases: list[Phase] = ["answer", "acknowledgement"]
    for number, phase in enumerate(phases):
        phone.write(f"do not lose number {number}")
        server.wait_stored(number + 1)
        model.script(Say(f"without {number}."), Say(f"with {number}."))
        with SlowEndpoint(server) as slow:
            slow.holds = phase
            terminal.type(f"first prompt {number}")
            terminal.wait_for_text(f"without {number}.")
            assert slow.held.is_set()
        # What a hook has printed that is ended then is not shown to the model either.
        assert f"do not lose number {number}" not in model.turns[-1].text
        wait_pending(server, 1)
        terminal.type(f"second prompt {number}")
        terminal.wait_for_text(f"with {number}.")
        assert f"do not lose number {number}" in model.turns[-1].new_text
    for number in range(2):
        news = [turn.new_text.count(f"do not lose number {number}") for turn in model.turns]
        assert sum(news) == 1
    assert server.json("status")["messages"]["pending"] == 0
