"""Approvals and notices: asked of the owner, answered once, by the right person, in time."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.routing.agent import Agent, Done, Hook
from tests.routing.conftest import Start
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.slow  # together; each takes about three seconds


def ask(agent: Agent, command: str, seconds: int = 60) -> Hook:
    return agent.start(
        "PermissionRequest",
        str(seconds),
        "approve",
        tool_name="Bash",
        tool_input={"command": command, "description": "harmless, believe me"},
    )


def decision(done: Done) -> Any:
    assert done.code == 0 and done.err == ""
    return json.loads(done.out)["hookSpecificOutput"]["decision"]


def code(text: str) -> str:
    found = re.search(r"Answer: y (\w{4}) to allow", text)
    assert found, text
    return found[1]


def said(phone: Phone, count: int) -> str:
    return phone.wait_for(count=count)[-1].text


def opened(phone: Phone, agent: Agent) -> None:
    """Have the owner write, so that they can be answered."""
    phone.write("hello")
    phone.wait_for(author="user", acknowledged=True)
    while "hello" not in agent.prompt():
        pass


def test_granted_once(server: Server, phone: Phone, start: Start) -> None:
    agent = start("one")
    opened(phone, agent)
    hook = ask(agent, "rm -rf build")
    question = said(phone, 1)
    assert "claude asks to use Bash" in question
    assert "rm -rf build" in question and "believe me" not in question
    assert str(agent.folder) in question
    phone.write(f"y {code(question)}")
    assert decision(hook.wait()) == {"behavior": "allow"}
    assert "Allowed" in said(phone, 2)
    phone.write(f"y {code(question)}")
    assert "not open any more" in said(phone, 3)
    assert agent.prompt() == ""


def test_refused_with_a_reason(phone: Phone, start: Start) -> None:
    agent = start("one")
    opened(phone, agent)
    hook = ask(agent, "git push --force")
    phone.write(f"Ｎ {code(said(phone, 1)).upper()} 先别推")
    answer = decision(hook.wait())
    assert answer["behavior"] == "deny" and "先别推" in answer["message"]


def test_two_at_once_and_a_wrong_code(phone: Phone, start: Start) -> None:
    agent = start("one")
    opened(phone, agent)
    first = ask(agent, "command one")
    one = said(phone, 1)
    second = ask(agent, "command two")
    two = said(phone, 2)
    phone.write("y q2q2" if "q2q2" not in one + two else "y a3a3")
    assert "Nobody asked" in said(phone, 3)
    phone.write(f"n {code(two)}")
    assert decision(second.wait())["behavior"] == "deny"
    assert first.runs
    phone.write(f"y {code(one)}")
    assert decision(first.wait())["behavior"] == "allow"


def test_the_wrong_person(server: Server, phone: Phone, start: Start) -> None:
    assert server.weilink("access", "policy", "anyone").returncode == 0
    agent = start("one")
    opened(phone, agent)
    hook = ask(agent, "command")
    answer = f"y {code(said(phone, 1))}"
    phone.write(answer, user="mallory", bot=phone.bot().bot_id)
    server.wait_stored(2)
    # Neither to the approval nor to an agent is it anything.
    assert answer not in start("two").prompt()
    assert hook.runs
    phone.write(answer.replace("y ", "n "))
    assert decision(hook.wait())["behavior"] == "deny"


def test_no_answer_means_the_usual_dialogue(phone: Phone, start: Start) -> None:
    agent = start("one")
    opened(phone, agent)
    hook = ask(agent, "command", seconds=7)
    answer = f"y {code(said(phone, 1))}"
    done = hook.wait()
    assert (done.code, done.out, done.err) == (0, "", "")
    phone.write(answer)
    assert "not open any more" in said(phone, 2)


def test_answered_at_the_computer(phone: Phone, start: Start) -> None:
    agent = start("one")
    opened(phone, agent)
    hook = ask(agent, "command")
    answer = f"y {code(said(phone, 1))}"
    agent.process.kill()
    import os

    os.kill(hook.pid, 9)
    phone.write(answer)
    assert "not open any more" in said(phone, 2)


def test_without_a_way_to_ask_nothing_is_held_up(phone: Phone, start: Start) -> None:
    agent = start("one")
    done = ask(agent, "command").wait(5)  # the owner never wrote
    assert (done.code, done.out) == (0, "")
    opened(phone, agent)
    done = ask(agent, "x" * 5_000).wait(5)  # too long to be seen whole
    assert (done.code, done.out) == (0, "")
    assert phone.chat(author="bot") == []


def test_notices_keep_the_last_reply(phone: Phone, start: Start) -> None:
    agent = start("one")
    opened(phone, agent)
    agent.hook("Stop", "3", "notify", last_assistant_message="all tests pass ✅")
    assert said(phone, 1).endswith("all tests pass ✅")
    agent.hook("Notification", "3", "notify", message="may I?", notification_type="permission")
    assert "may I?" in said(phone, 2)
    agent.hook("SessionEnd", "3", "notify", reason="other")
    assert "ended" in said(phone, 3)
    for number in range(4, 12):
        agent.hook("Stop", "3", "notify", last_assistant_message=f"turn {number}")
    phone.wait_for(count=9)
    assert phone.conversation().replies_left == 1
