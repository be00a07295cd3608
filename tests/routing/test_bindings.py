"""Bindings, from the shell and from the phone, and what the owner writes to WeiLink itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.routing.conftest import Start
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.slow  # together; each takes about three seconds


def allow_all(server: Server) -> None:
    assert server.weilink("access", "policy", "anyone").returncode == 0


def test_a_bound_contact_reaches_its_session_only(
    server: Server, phone: Phone, start: Start
) -> None:
    allow_all(server)
    bound, last = start("one"), start("two")
    waiter, other = bound.begin(), last.begin()
    done = server.weilink("bind", phone.user_id("bob"), "--agent-session", "1")
    assert done.returncode == 0, done.stderr
    phone.write("from bob", user="bob", bot=phone.bot().bot_id)
    assert "from bob" in waiter.wait().err
    phone.write("from alice")
    assert "from alice" in other.wait().err
    # While the session lives, no other one gets it, not even when the user types there.
    phone.write("more from bob", user="bob", bot=phone.bot().bot_id)
    server.wait_stored(3)
    assert "bob" not in last.prompt()
    assert "more from bob" in bound.prompt()


def test_a_message_for_a_session_that_is_gone_waits_for_a_prompt(
    server: Server, phone: Phone, start: Start
) -> None:
    bound, other = start("one"), start("two")
    bound.begin()
    waiter = other.begin()
    assert server.weilink("bind", phone.user_id(), "--agent-session", "one").returncode == 0
    bound.hook("SessionEnd", reason="other")
    phone.write("number 1")
    server.wait_stored(1)
    listed = server.json("agents")
    assert listed["bindings"] == [
        {"contact": phone.user_id(), "kind": "session", "value": "one", "live": False}
    ]
    assert waiter.runs
    assert "number 1" in other.prompt()


def test_folders_and_agents_and_bots(server: Server, phone: Phone, start: Start) -> None:
    allow_all(server)
    claude, codex = start("one"), start("two", agent="codex")
    waiter = claude.begin()
    codex.hook("SessionStart", source="startup")
    codex.prompt("hello")
    assert server.weilink("bind", phone.user_id(), "--cwd", str(claude.folder)).returncode == 0
    phone.write("number 1")
    assert "number 1" in waiter.wait().err
    assert server.weilink("bind", phone.user_id("bob"), "--agent", "codex").returncode == 0
    phone.write("number 2", user="bob", bot=phone.bot().bot_id)
    server.wait_stored(2)
    assert "number 2" in codex.hook("PostToolUse")
    assert server.weilink("unbind", phone.user_id()).returncode == 0
    assert server.weilink("bind", "default", "--agent", "codex").returncode == 0
    phone.write("number 3")
    server.wait_stored(3)
    assert claude.prompt() == ""
    assert "number 3" in codex.prompt()


def test_mistakes_of_the_commands(server: Server, phone: Phone, tmp_path: Path) -> None:
    for arguments, said in (
        (("bind", "nobody", "--agent", "codex"), "neither a user who wrote nor a bot"),
        (("bind", phone.user_id()), "one of --agent-session, --cwd and --agent"),
        (("bind", phone.user_id(), "--agent-session", "9"), "no open agent session"),
        (("bind", phone.user_id(), "--cwd", str(tmp_path / "没有 this")), "is not a folder"),
        (("unbind", phone.user_id()), "is not bound"),
    ):
        done = server.weilink(*arguments)
        assert done.returncode == 2
        assert said in done.stderr
    assert "No agent session is open." in server.weilink("agents").stdout


def test_commands_from_the_phone(server: Server, phone: Phone, start: Start) -> None:
    phone.write("/agents")
    assert "No agent session is open" in phone.wait_for(count=1)[-1].text
    first, second = start("one"), start("two")
    waiter, other = first.begin(), second.begin()
    phone.write("/agents")
    lines = phone.wait_for(count=2)[-1].text.splitlines()
    assert lines[0].strip().startswith("1. claude") and lines[1].startswith("→ 2. claude")
    phone.write("／ｕｓｅ １")
    assert "1. claude" in phone.wait_for(count=3)[-1].text
    phone.write("number 1")
    assert "number 1" in waiter.wait().err
    phone.write("/use 0")
    phone.wait_for(count=4)
    phone.write("number 2")
    assert "number 2" in other.wait().err
    phone.write("/use 7")
    assert "no session 7" in phone.wait_for(count=5)[-1].text
    phone.write("/status")
    assert "2 agent sessions" in phone.wait_for(count=6)[-1].text
    assert first.prompt() == "" and second.prompt() == ""


def test_the_owner_hears_that_their_session_has_ended(
    server: Server, phone: Phone, start: Start
) -> None:
    first, second = start("one"), start("two")
    first.begin()
    second.begin()
    phone.write("/use 1")
    phone.wait_for(count=1)
    first.hook("SessionEnd", reason="other")
    phone.write("/agents")
    text = phone.wait_for(count=2)[-1].text
    assert "→" not in text and "bound to a session that is not open" in text
    assert server.weilink("bind", "default", "--agent", "codex").returncode == 0
    phone.write("/use 0")
    assert "this bot is" in phone.wait_for(count=3)[-1].text


def test_others_give_no_commands(server: Server, phone: Phone, start: Start) -> None:
    allow_all(server)
    agent = start("one")
    waiter = agent.begin()
    phone.write("/use 1", user="bob", bot=phone.bot().bot_id)
    assert "/use 1" in waiter.wait().err
    assert phone.chat(author="bot", user="bob") == []
    assert server.json("agents")["bindings"] == []


def test_ordinary_text_is_no_command(server: Server, phone: Phone, start: Start) -> None:
    agent = start("one")
    agent.prompt()
    texts = ["/status of the build?", "y not", "n 2024 was good", "/compact", "y abcd please"]
    phone.write_all(texts)
    server.wait_stored(5)
    text = agent.prompt()
    assert all(one in text for one in texts)
