"""Several agents at once: each message in the session that it is meant for, and in no other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model
from tests.support.agents import connect, wait_listed
from tests.support.server import Server
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.agents

USERS = ("bob", "carol", "dave", "erin")


@pytest.fixture
def agents(
    claude_program: Path, codex_program: Path, tmp_path: Path, model: Model
) -> Iterator[list[Claude | Codex]]:
    """Three users of Claude Code and two of Codex."""
    made: list[Claude | Codex] = []
    for number in range(3):
        made.append(Claude(claude_program, tmp_path / f"claude{number}", model))
    for number in range(2):
        made.append(Codex(codex_program, tmp_path / f"codex{number}", model))
    try:
        yield made
    finally:
        for agent in made:
            agent.close()


@pytest.mark.slow
def test_two_hundred_messages_for_five_agents(
    agents: list[Claude | Codex], server: Server, model: Model, phone: Phone
) -> None:
    assert server.weilink("access", "policy", "anyone").returncode == 0
    sessions = []
    for number, agent in enumerate(agents):
        connect(agent, server)
        terminal = agent.interactive()
        terminal.wait_quiet(0.5)
        turns = len(model.turns)
        terminal.type(f"I am agent {number}")
        request = model.wait_for_text(f"I am agent {number}", after=turns)
        sessions.append(request.session)
        terminal.wait_quiet(0.5)
    listed = wait_listed(server, 5)
    assert {one["id"] for one in listed} == set(sessions)
    # Each of the first four gets one person's messages; the last one, where the user was last
    # active, those that are not bound.
    for user, session in zip(USERS, sessions, strict=False):
        done = server.weilink("bind", phone.user_id(user), "--agent-session", session)
        assert done.returncode == 0, done.stderr
    writers = [*USERS, "alice"]
    for number in range(40):
        for user in writers:
            phone.write(f"message {number} of {user}.", user=user, bot=phone.bot().bot_id)

    for user in writers:
        model.wait_for_text(f"message 39 of {user}.", deadline=60)
    where: dict[str, Counter[str]] = {user: Counter() for user in writers}
    order: dict[str, list[int]] = {user: [] for user in writers}
    for turn in model.turns:
        for number, user in re.findall(r"message (\d+) of (\w+)\.", turn.new_text):
            where[user][turn.session] += 1
            order[user].append(int(number))
    for user, session in zip(writers, sessions, strict=True):
        assert where[user] == {session: 40}, user
        assert order[user] == list(range(40)), (
            user,
            order[user],
            Path(f"{server.base}.log").read_text(),
        )
    assert server.json("status")["messages"]["pending"] == 0
