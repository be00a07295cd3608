"""Idle agents are woken by a message from the phone: the right one, once."""

from __future__ import annotations

import re
import time

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model
from tests.support.agents import connect, wait_listed
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.agents


def test_an_idle_claude_is_woken_twenty_times(
    claude: Claude, server: Server, model: Model, phone: Phone
) -> None:
    connect(claude, server)
    terminal = claude.interactive()
    terminal.wait_quiet()
    late = []
    for number in range(20):
        turns = len(model.turns)
        begin = time.monotonic()
        phone.write(f"wake number {number}.")
        request = model.wait_for_text(f"wake number {number}.", after=turns)
        late.append(request.time - begin)
        terminal.wait_quiet(0.3)
    arrived = re.findall(r"wake number (\d+)\.", "\n".join(t.new_text for t in model.turns))
    assert [int(number) for number in arrived] == list(range(20))
    assert max(late) < 1.5
    assert "hook error" not in terminal.screen.lower()


def test_an_idle_codex_is_woken_and_a_dead_one_is_not(
    codex: Codex, server: Server, model: Model, phone: Phone
) -> None:
    connect(codex, server)
    terminal = codex.interactive()
    terminal.type("hello")
    model.wait_for_text("hello")
    wait_listed(server, 1)
    for number in range(5):
        turns = len(model.turns)
        begin = time.monotonic()
        phone.write(f"wake number {number}.")
        request = model.wait_for_text(f"wake number {number}.", after=turns)
        assert request.time - begin < 1.5
        assert request.new_text.count("[WeiLink] 1 new WeChat message") == 1
        terminal.wait_quiet(0.3)
    terminal.kill()
    wait_listed(server, 0)
    turns = len(model.turns)
    phone.write("nobody is there")
    server.wait_stored(6)
    assert server.json("status")["messages"]["pending"] == 1
    assert len(model.turns) == turns
