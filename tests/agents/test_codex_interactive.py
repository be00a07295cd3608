"""What the interactive Codex does in a terminal, and what wakes it."""

from __future__ import annotations

import time

import pytest

from tests.agents.codex import Codex
from tests.agents.hooks import Hook, context
from tests.agents.marks import newer
from tests.agents.model import Model, Say

pytestmark = pytest.mark.agents

DAEMON = pytest.mark.parametrize("daemon", [True, False], ids=["daemon", "alone"])


@DAEMON
def test_typed_prompt_and_hook(codex: Codex, model: Model, hook: Hook, daemon: bool) -> None:
    codex.daemon(daemon)
    codex.hook("UserPromptSubmit", hook.command)
    codex.trust_hooks()
    model.script(Say("MARK-ANSWER"))
    terminal = codex.interactive()
    terminal.type("MARK-PROMPT")
    call = hook.wait()
    assert call.input["prompt"] == "MARK-PROMPT"
    call.answer(context("UserPromptSubmit", "MARK-CONTEXT"))
    terminal.wait_for_text("MARK-ANSWER")
    (turn,) = model.turns
    assert turn.text.count("MARK-PROMPT") == 1
    assert turn.text.count("MARK-CONTEXT") == 1
    assert turn.session == call.input["session_id"]


@DAEMON
def test_session_starts_with_first_prompt(codex: Codex, hook: Hook, daemon: bool) -> None:
    codex.daemon(daemon)
    codex.hook("SessionStart", hook.command)
    codex.trust_hooks()
    terminal = codex.interactive()
    terminal.wait_quiet()
    with pytest.raises(TimeoutError):
        hook.wait(0)
    terminal.type("hello")
    assert hook.wait().input["source"] == "startup"


def idle(codex: Codex, model: Model) -> str:
    """Start a conversation and give its id when it waits for the user."""
    terminal = codex.interactive()
    model.script(Say("MARK-ANSWER"))
    terminal.type("MARK-PROMPT")
    session = model.wait_for_text("MARK-PROMPT").session
    terminal.wait_for_text("MARK-ANSWER")
    terminal.wait_quiet()
    return session


@newer
def test_queue_wakes_idle_agent(codex: Codex, model: Model) -> None:
    session = idle(codex, model)
    for number in range(3):
        turns = len(model.turns)
        start = time.monotonic()
        assert codex.queue(session, f"MARK-{number} <a>\n&amp; 中").code == 0
        request = model.wait_for_text(f"MARK-{number}", after=turns)
        assert request.time - start < 1.5
        assert request.session == session
        assert request.new_text == f"MARK-{number} <a>\n&amp; 中"


@newer
@pytest.mark.slow
def test_queue_without_daemon_is_slow(codex: Codex, model: Model) -> None:
    """The program looks at its queue about every ten seconds."""
    codex.daemon(False)
    session = idle(codex, model)
    codex.queue(session, "MARK-QUEUED")
    request = model.wait_for_text("MARK-QUEUED", deadline=25)
    assert request.session == session


@newer
def test_queue_runs_though_terminal_is_closed(codex: Codex, model: Model) -> None:
    """The daemon keeps a conversation for a minute; nobody sees what it then does."""
    session = idle(codex, model)
    (terminal,) = codex.terminals
    terminal.kill()
    codex.queue(session, "MARK-QUEUED")
    assert model.wait_for_text("MARK-QUEUED", deadline=5).session == session


@newer
@pytest.mark.slow
def test_daemon_ends_session_a_minute_after_its_terminal(
    codex: Codex, model: Model, hook: Hook
) -> None:
    codex.hook("SessionEnd", hook.command)
    codex.trust_hooks()
    session = idle(codex, model)
    (terminal,) = codex.terminals
    terminal.hang_up()
    start = time.monotonic()
    ended = hook.wait(180)
    assert time.monotonic() - start > 50
    assert ended.input["session_id"] == session
    ended.answer()


@newer
def test_queue_waits_for_session_that_is_not_running(codex: Codex, model: Model) -> None:
    codex.daemon(False)
    codex.prompt("hello")
    session = model.turns[0].session
    assert codex.queue(session, "MARK-QUEUED").code == 0
    codex.interactive("resume", session)
    assert model.wait_for_text("MARK-QUEUED").session == session
