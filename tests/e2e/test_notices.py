"""The owner is told on the phone what a real agent does, and keeps the last reply."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model, Say
from tests.e2e.approvals import prepare, start
from tests.e2e.working import Meanwhile
from tests.support.agents import USUAL
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.agents


def test_finished_needed_ended_and_the_last_reply(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    if isinstance(agent, Codex):
        agent.daemon(False)  # it keeps a conversation for a minute after its terminal is closed
    prepare(agent, server, f"{USUAL},notify")
    phone.write("/status")
    phone.wait_for(contains="replies are left")
    asking = start(agent)
    place = f"in {agent.work}"

    def write() -> None:
        phone.write("one thing more")
        server.wait_stored(2)

    meanwhile = Meanwhile(model, {0: Say("half of it"), 1: Say("all of it 完成")})
    meanwhile.at(0, write)
    asking.terminal.type("do it")
    (finished,) = phone.wait_for(contains=f"{asking.name} finished {place}", timeout=20)
    # The first end of its turn was none: a message made it go on.
    assert finished.text == f"{asking.name} finished {place}:\n\nall of it 完成"

    model.script(asking.touch("a-file"), Say("made it"))
    asking.terminal.wait_quiet(0.5)
    asking.terminal.type("make a file")
    (needs,) = phone.wait_for(contains=f"{asking.name} needs you {place}", timeout=20)
    if isinstance(agent, Codex):
        assert f"Bash: touch {agent.work / 'a-file'}" in needs.text
    else:
        assert "permission" in needs.text
    asking.allow_at_the_computer()
    phone.wait_for(contains="made it")
    assert len(phone.chat(contains=f"{asking.name} finished")) == 2

    long = "\n\n".join(["x" * 3_990] * (phone.conversation().replies_left - 1))
    assert server.weilink("send", phone.user_id(), "--text", long).returncode == 0
    assert phone.conversation().replies_left == 1
    model.script(Say("the last words"))
    asking.terminal.type("and at last")
    asking.terminal.wait_for_text("the last words")
    log = Path(f"{server.base}.log")
    while "a notice was not sent" not in log.read_text():
        server.json("status")
    answer = server.json("send", phone.user_id(), "--text", "the answer")
    assert [part["state"] for part in answer["parts"]] == ["sent"]
    assert not phone.chat(contains="the last words")
    assert server.json("status")["unsent"] == []

    phone.write("/status")
    phone.wait_for(contains="replies are left", count=2)
    asking.terminal.wait_quiet(0.5)
    asking.terminal.type("/exit")
    phone.wait_for(contains=f"{asking.name} ended {place}", timeout=15)
    assert "hook error" not in asking.terminal.screen.lower()
