"""A sender hears once that nobody is there, when the user wants that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.routing.agent import Agent
from tests.support.server import DEADLINE, Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.slow


def test_told_once_until_somebody_was_there(phone: Phone, tmp_path: Path) -> None:
    server = Server.logged_in(tmp_path / "weilink", phone, start=False)
    server.env["WEILINK_TELL_ABSENT"] = "1"
    server.start()
    try:
        server.wait_ready()
        phone.write("number 1")
        phone.wait_for(contains="No agent is there now", timeout=DEADLINE)
        server.kill()
        server.start()
        server.wait_ready()
        phone.write("number 2")
        server.wait_stored(2)
        agent = Agent(server, "one", tmp_path)
        try:
            assert "number 2" in agent.prompt()
            agent.hook("SessionEnd", reason="other")
        finally:
            agent.close()
        phone.write("number 3")
        phone.wait_for(contains="No agent is there now", count=2, timeout=DEADLINE)
    finally:
        server.close()


def test_off_by_default(server: Server, phone: Phone, tmp_path: Path) -> None:
    phone.write("number 1")
    server.wait_stored(1)
    agent = Agent(server, "one", tmp_path)
    try:
        assert "number 1" in agent.prompt()
    finally:
        agent.close()
    assert phone.chat(author="bot") == []
