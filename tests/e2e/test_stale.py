"""A bot whose login has ended: whoever types at the agent is told, its model is not."""

from __future__ import annotations

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model
from tests.e2e.working import working
from tests.support.agents import connect
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.agents


def test_the_user_is_told_once(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    connect(agent, server)
    terminal = working(agent)
    phone.lab.make_stale()
    while not server.json("status")["bots"][0]["problem"]:
        pass
    for number in range(2):
        terminal.type(f"go on with {number}")
        model.wait_for_text(f"go on with {number}")
        terminal.wait_quiet()
    shown = " ".join(terminal.screen.split())
    assert shown.count("WeiLink: bot 'default' gets no messages:") == 1
    assert "run 'weilink login default --force'" in shown
    assert not any("gets no messages" in turn.text for turn in model.turns)
