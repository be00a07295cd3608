"""Idle agents are woken by a message from the phone: the right one, once."""

from __future__ import annotations

import re
import time

import pytest

from tests.agents.claude import Claude
from tests.agents.model import Model
from tests.support.agents import connect
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
    print([round(x, 2) for x in late])
    arrived = re.findall(r"wake number (\d+)\.", "\n".join(t.new_text for t in model.turns))
    assert [int(number) for number in arrived] == list(range(20))
    assert max(late) < 1.5
    assert "hook error" not in terminal.screen.lower()
