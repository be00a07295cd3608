"""What is written while an agent is at work reaches it in the same turn, by each hook alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Call, Model, Say
from tests.e2e.working import Meanwhile, times, use, working
from tests.support.agents import connect
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.agents


def keep_only(agent: Claude | Codex, event: str) -> None:
    """Take the installed hooks of all other events out again, as a user may."""
    file = agent.hooks if isinstance(agent, Codex) else agent.settings
    content = json.loads(file.read_text())
    content["hooks"] = {event: content["hooks"][event]}
    file.write_text(json.dumps(content))
    if isinstance(agent, Codex):
        agent.trust_hooks()


def test_after_a_tool(agent: Claude | Codex, server: Server, model: Model, phone: Phone) -> None:
    connect(agent, server, "turn")
    keep_only(agent, "PostToolUse")
    terminal = working(agent)

    def write() -> None:
        phone.write("stop that, 先修 tests")
        server.wait_stored(1)

    meanwhile = Meanwhile(model, {0: use(agent)})
    meanwhile.at(0, write)
    terminal.type("go on")
    terminal.wait_for_text("answer 1.")
    assert times(model, "stop that, 先修 tests") == [0, 1]
    assert "used" in model.turns[1].results[0]


def test_after_a_tool_that_failed(
    claude: Claude, server: Server, model: Model, phone: Phone
) -> None:
    """Claude Code tells of it by another hook; Codex tells of every tool in the same way."""
    connect(claude, server, "turn")
    keep_only(claude, "PostToolUseFailure")
    terminal = working(claude)

    def write() -> None:
        phone.write("stop that, 先修 tests")
        server.wait_stored(1)

    fails = Call("Bash", {"command": "cat nothing-here", "description": "x"})
    Meanwhile(model, {0: fails}).at(0, write)
    terminal.type("go on")
    terminal.wait_for_text("answer 1.")
    assert times(model, "stop that, 先修 tests") == [0, 1]
    assert "No such file" in model.turns[1].results[0]


def test_the_chat_shows_tools_while_they_run(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    (server.base / "config.toml").write_text("show_tool_calls = true\n")
    server.close()
    server.start()
    server.wait_ready()
    connect(agent, server)
    terminal = working(agent)
    command = "cat pipe; cat nothing-here"
    tool = Call("Bash", {"command": command, "description": "x"})
    if isinstance(agent, Codex):
        tool = Call("exec_command", {"cmd": command})
    os.mkfifo(agent.work / "pipe")
    model.script(tool, Say("that was it"))
    phone.write("look into the pipe")
    if isinstance(agent, Codex):
        # Before its first prompt it has no session that could be woken.
        server.wait_stored(1)
        terminal.type("go on")
    (began,) = phone.wait_for(kind="tool_call", timeout=30)
    assert began.items[0]["tool_call_start_item"]["tool_name"] == "Bash"
    assert not phone.chat(kind="tool_result")
    (agent.work / "pipe").write_text("news\n")
    (ended,) = phone.wait_for(kind="tool_result", timeout=30)
    status = ended.items[0]["tool_call_result_item"]["status"]
    # Codex does not tell how a command ended.
    assert status == ("completed" if isinstance(agent, Codex) else "failed")
    terminal.wait_for_text("that was it")
    assert "news" in model.turns[-1].results[-1]
    assert phone.state().violations == 0


def test_at_the_end_of_the_turn_once_in_a_row(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    connect(agent, server, "turn")
    keep_only(agent, "Stop")
    terminal = working(agent)

    def write(number: int) -> None:
        phone.write(f"wait, number {number}.")
        server.wait_stored(number)

    meanwhile = Meanwhile(model, {})
    meanwhile.at(0, lambda: write(1))
    meanwhile.at(1, lambda: write(2))
    terminal.type("go on")
    terminal.wait_for_text("answer 1.")
    terminal.wait_quiet(1)
    if isinstance(agent, Codex):
        # Needs no hook to be woken: the second one is a turn of its own.
        model.wait_for_text("wait, number 2.")
        terminal.wait_quiet(1)
        assert times(model, "wait, number 1.") == [0, 1, 0]
        assert times(model, "wait, number 2.") == [0, 0, 1]
    else:
        # It went on because of the first message; the second one does not make it go on again.
        assert times(model, "wait, number 1.") == [0, 1]
        assert times(model, "wait, number 2.") == [0, 0]
        assert server.json("status")["messages"]["pending"] == 1
        terminal.type("and now")
        terminal.wait_for_text("answer 3.")
        terminal.wait_quiet(1)
        assert times(model, "wait, number 1.") == [0, 1, 0, 0]
        assert times(model, "wait, number 2.") == [0, 0, 0, 1]
    assert server.json("status")["messages"]["pending"] == 0


def test_a_message_in_every_turn_is_no_endless_loop(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    """With the hooks that setup installs: each message makes one request, and then it is quiet."""
    connect(agent, server)
    terminal = working(agent)

    def write(number: int) -> Callable[[], None]:
        def now() -> None:
            phone.write(f"and number {number}.")
            server.wait_stored(number + 1)

        return now

    meanwhile = Meanwhile(model, {1: use(agent), 2: use(agent)})
    for number in range(4):
        meanwhile.at(number, write(number))
    terminal.type("go on")
    model.wait_for_text("and number 3.", deadline=40)
    terminal.wait_quiet(1.5)
    assert server.json("status")["messages"]["pending"] == 0
    told = re.findall(r"and number (\d)\.", "\n".join(turn.new_text for turn in model.turns))
    assert [int(number) for number in told] == [0, 1, 2, 3]
    # Number 0 came at the end of the turn, 1 and 2 after tools, 3 woke it.
    assert times(model, "and number") == [0, 1, 1, 1, 1]
    assert not re.search(r"hook.*(error|failed)", terminal.screen.lower())
