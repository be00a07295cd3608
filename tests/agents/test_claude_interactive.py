"""What the interactive Claude Code does in a terminal, and what wakes it."""

from __future__ import annotations

import time

import pytest

from tests.agents.claude import Claude
from tests.agents.hooks import Hook
from tests.agents.model import Model, Say

pytestmark = pytest.mark.agents


def test_typed_prompt(claude: Claude, model: Model) -> None:
    model.script(Say("MARK-ANSWER"))
    terminal = claude.interactive()
    terminal.type("MARK-PROMPT")
    terminal.wait_for_text("MARK-ANSWER")
    assert [turn.new_text.count("MARK-PROMPT") for turn in model.turns] == [1]


def test_kill_leaves_background_hook_behind(claude: Claude, model: Model, hook: Hook) -> None:
    claude.hook("SessionStart", hook.command, asyncRewake=True, timeout=600, async_=True)
    terminal = claude.interactive()
    waiting = hook.wait()
    terminal.kill()
    assert waiting.pid in claude.home.processes()
    waiting.answer(stderr="MARK-WAKE", code=2)
    waiting.wait_gone()
    assert not model.requests


def test_closed_terminal_ends_background_hook(claude: Claude, hook: Hook) -> None:
    claude.hook("SessionStart", hook.command, asyncRewake=True, timeout=600, async_=True)
    terminal = claude.interactive()
    waiting = hook.wait()
    terminal.hang_up()
    assert terminal.process.wait(10) == 0
    waiting.wait_gone()
    assert claude.home.processes() == []


@pytest.mark.parametrize("event", ["SessionStart", "Stop"])
def test_background_hook_wakes_idle_agent(
    claude: Claude, model: Model, hook: Hook, event: str
) -> None:
    claude.hook(event, hook.command, asyncRewake=True, timeout=600, async_=True)
    terminal = claude.interactive()
    if event == "Stop":
        terminal.type("hello")
    waiting = hook.wait()
    assert waiting.input["hook_event_name"] == event
    terminal.wait_quiet()
    turns = len(model.turns)
    start = time.monotonic()
    waiting.answer(stderr="MARK-WAKE", code=2)
    request = model.wait_for_text("MARK-WAKE", after=turns)
    assert request.time - start < 1.5
    assert request.text.count("MARK-WAKE") == 1
    assert request.session == waiting.input["session_id"]
