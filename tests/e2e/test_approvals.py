"""Approvals from the phone, with the real Claude Code and Codex asking for permission."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model, Reply, Request, Say
from tests.e2e.approvals import Asking, all_sent, code_of, kept, prepare, start, told, wait_seconds
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.agents


def greet(phone: Phone) -> None:
    """Open a reply window, through which the owner can be asked; no agent hears of it."""
    phone.write("/status")
    told(phone, "replies are left")


def ask(asking: Asking, model: Model, name: str) -> None:
    """Let the agent want to make a file."""
    model.script(asking.touch(name), Say(f"that was {name}"))
    asking.terminal.type(f"make {name}")


def result(model: Model, count: int) -> str:
    """Wait for the model's request with so many results of tools; return the last result."""
    return model.wait_for(lambda request: len(request.results) == count).results[-1]


def test_asked_granted_refused_with_a_reason_and_forged(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    prepare(agent, server)
    # Others may write to the agent, but not answer for the owner.
    assert server.weilink("access", "policy", "anyone").returncode == 0
    greet(phone)
    asking = start(agent)

    ask(asking, model, "first-file")
    code = code_of(phone, "first-file")
    question = phone.chat(contains="first-file")[-1].text
    assert f"{asking.name} asks to use Bash in {agent.work}" in question
    assert f"touch {agent.work / 'first-file'}" in question
    assert "Without an answer in 595 seconds" in question
    assert not asking.made("first-file")
    phone.write(f"y {code}")
    result(model, 1)
    assert asking.made("first-file")
    told(phone, f"Allowed: Bash ({code})")
    asking.terminal.wait_for_text("that was first-file")

    ask(asking, model, "second-file")
    refused = code_of(phone, "second-file")
    # As a Chinese keyboard writes it, in capitals.
    phone.write(f"Ｎ　{refused.upper()} 请用测试数据库")
    assert "Your user refused this from their phone: 请用测试数据库" in result(model, 2)
    assert not asking.made("second-file")
    told(phone, f"Refused: Bash ({refused})")
    asking.terminal.wait_for_text("that was second-file")

    ask(asking, model, "third-file")
    third = code_of(phone, "third-file")
    wrong = next(one for one in ("a2b3", "c4d6", "e7f9") if one not in (code, refused, third))
    bot = phone.bot().bot_id
    phone.write(f"y {third}", user="mallory", bot=bot)
    phone.write(f"y {third}", group_id="a-group@chatroom")
    phone.write(f"y {wrong}")
    phone.write(f"y {code}")
    told(phone, f"Nobody asked with the code {wrong}")
    told(phone, f"{code} is not open any more; nothing was changed.")
    assert [state for _, state, _ in kept(server.base)] == ["allowed", "denied", "open"]
    phone.write(f"n {third}")
    assert "no reason was given" in result(model, 3)
    asking.terminal.wait_for_text("that was third-file")
    phone.write(f"y {third}")
    told(phone, f"{third} is not open any more; nothing was changed.")
    phone.write("and a last word")
    last = model.wait_for_text("and a last word").text
    assert not asking.made("third-file")

    assert kept(server.base) == [
        (asking.name, "allowed", ""),
        (asking.name, "denied", "请用测试数据库"),
        (asking.name, "denied", ""),
    ]
    for forged in (code, refused, third, wrong, "mallory"):
        assert forged not in last
    log = Path(f"{server.base}.log").read_text()
    assert f"{phone.user_id('mallory')} answered an approval that nobody asked of them" in log
    session = model.turns[-1].session
    assert f"approval {code} of {asking.name} session {session} (Bash): allowed" in log
    assert f"approval {refused} of {asking.name}" in log
    assert "-file" not in log, "a command does not belong into the log"
    assert "hook error" not in asking.terminal.screen.lower()


def test_without_an_answer_and_without_the_leader_the_computer_asks(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    prepare(agent, server)
    wait_seconds(agent, 10)
    greet(phone)
    asking = start(agent)
    ask(asking, model, "a-file")
    code = code_of(phone, "a-file")
    assert "Without an answer in 5 seconds" in phone.chat(contains="a-file")[-1].text
    asking.terminal.wait_for_text(asking.dialogue)
    while kept(server.base)[0][1] == "open":
        phone.wait_until(lambda state: True, 0.1)
    phone.write(f"y {code}")
    told(phone, f"{code} is not open any more; nothing was changed.")
    assert not asking.made("a-file")
    asking.allow_at_the_computer()
    result(model, 1)
    assert asking.made("a-file")
    assert [state for _, state, _ in kept(server.base)] == ["expired"]

    asking.terminal.wait_for_text("that was a-file")
    ask(asking, model, "another")
    code = code_of(phone, "another")
    deadline = time.monotonic() + 5
    while not all_sent(server.base):
        assert time.monotonic() < deadline
    server.kill()
    # The agent's own MCP server leads now; who asked is gone, and the computer asks.
    asking.terminal.wait_for_text(asking.dialogue)
    phone.write(f"y {code}")
    told(phone, f"{code} is not open any more; nothing was changed.")
    assert not asking.made("another")
    assert [state for _, state, _ in kept(server.base)] == ["expired", "withdrawn"]
    asking.allow_at_the_computer()
    result(model, 2)
    assert asking.made("another")
    assert "hook error" not in asking.terminal.screen.lower()


def test_two_at_once_are_told_apart_by_their_codes(
    claude: Claude, codex: Codex, server: Server, model: Model, phone: Phone
) -> None:
    prepare(claude, server)
    prepare(codex, server)
    greet(phone)
    first, second = start(claude), start(codex)

    def respond(request: Request) -> Reply:
        asking = first if request.path == "/v1/messages" else second
        name = f"of-{asking.name}"
        return Say(f"that was {name}") if request.results else asking.touch(name)

    model.respond = respond
    first.terminal.type("make a file")
    of_claude = code_of(phone, "of-claude")
    second.terminal.type("make a file")
    of_codex = code_of(phone, "of-codex")
    assert of_claude != of_codex

    phone.write(f"y {of_codex}")
    second.terminal.wait_for_text("that was of-codex")
    assert second.made("of-codex")
    assert not first.made("of-claude")
    assert [state for _, state, _ in kept(server.base)] == ["open", "allowed"]

    phone.write(f"n {of_claude} not this one")
    first.terminal.wait_for_text("that was of-claude")
    assert not first.made("of-claude")
    (refusal,) = [t for turn in model.turns for t in turn.results if "not this one" in t]
    assert "not this one" in refusal
    assert kept(server.base) == [("claude", "denied", "not this one"), ("codex", "allowed", "")]


def test_without_a_server_the_computer_asks_at_once(
    agent: Claude | Codex, server: Server, model: Model, phone: Phone
) -> None:
    prepare(agent, server, "approve", "--transport", "http")
    # The agent would wait for whatever else listens there.
    agent.configure({"mcp_servers" if isinstance(agent, Codex) else "mcpServers": {}})
    greet(phone)
    server.kill()
    asking = start(agent)
    ask(asking, model, "a-file")
    asking.terminal.wait_for_text(asking.dialogue, deadline=15)
    assert "hook" not in asking.terminal.screen.lower()
    asking.allow_at_the_computer()
    result(model, 1)
    assert asking.made("a-file")
    assert not phone.chat(contains="a-file")


def test_what_nobody_waits_for_is_not_open_on_the_phone(
    claude: Claude, server: Server, model: Model, phone: Phone
) -> None:
    """Claude Code asks at both places, and leaves the hook running when it has an answer."""
    prepare(claude, server)
    greet(phone)
    asking = start(claude)
    ask(asking, model, "a-file")
    code = code_of(phone, "a-file")
    asking.allow_at_the_computer()
    asking.terminal.wait_for_text("that was a-file")
    phone.write(f"n {code} too late")
    told(phone, f"{code} is not open any more; nothing was changed.")

    ask(asking, model, "another")
    code = code_of(phone, "another")
    asking.terminal.kill()  # its hook lives on and waits for the answer
    phone.write(f"y {code}")
    told(phone, f"{code} is not open any more; nothing was changed.")
    assert not asking.made("another")
    assert kept(server.base) == [("claude", "withdrawn", "")] * 2
