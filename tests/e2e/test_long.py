"""Long messages reach the real Codex whole, as far as its hooks may say so much."""

from __future__ import annotations

import pytest

from tests.agents.codex import Codex
from tests.agents.model import Model, Say
from tests.e2e.working import Meanwhile, working
from tests.support.agents import connect
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.agents


def test_codex_gets_what_fits_its_hooks(
    codex: Codex, server: Server, model: Model, phone: Phone
) -> None:
    connect(codex, server)
    long = "长文" * 4_000  # 24,000 bytes: one prompt takes it, the end of a turn does not
    phone.write(long)
    server.wait_stored(1)
    terminal = working(codex)

    def write() -> None:
        phone.write_all(["第二" * 1_000, "第三" * 1_000])
        server.wait_stored(3)

    meanwhile = Meanwhile(model, {0: Say("first."), 1: Say("second."), 2: Say("third.")})
    meanwhile.at(0, write)
    terminal.type("go on")
    model.wait_for_text("第三", deadline=45)
    first, second, third = model.turns
    assert long in first.text
    assert "tokens truncated" not in third.text
    assert "第二" * 1_000 in second.new_text and "第三" not in second.new_text
    assert "1 more wait" in second.new_text
    assert "第三" * 1_000 in third.new_text
