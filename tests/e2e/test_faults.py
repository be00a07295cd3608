"""Whatever ends or stands still while messages flow: none is missing, none comes too often."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Model
from tests.e2e.flow import Flow, send, until
from tests.support.clock import Clock
from tests.support.processes import asking_hooks
from tests.support.server import Server
from weilink.sandbox.phone import Phone
from weilink.service.claiming import LEASE_MS

pytestmark = [pytest.mark.agents, pytest.mark.slow]

BOTH = pytest.mark.parametrize("name", ["claude", "codex"])
DAY = 24 * 60 * 60
LONGER_THAN_A_LEASE = LEASE_MS / 1000 + 2


@pytest.fixture
def flow(
    request: pytest.FixtureRequest, name: str, server: Server, model: Model, phone: Phone
) -> Flow:
    """The flow of messages to the agent called `name`, which is open and idle."""
    agent: Claude | Codex = request.getfixturevalue(name)
    flow = Flow(agent, server, model, phone)
    flow.open()
    return flow


@pytest.fixture
def standby(server: Server, phone: Phone) -> Iterator[Server]:
    """A second server, ready to lead."""
    other = Server(server.base, phone)
    other.env = server.env
    other.start()
    try:
        yield other
    finally:
        other.close()


@BOTH
def test_every_message_arrives_while_agents_and_leaders_are_killed(
    flow: Flow, server: Server, standby: Server
) -> None:
    leader, other = server, standby
    for _ in range(2):
        flow.write(2)
        leader.kill()
        flow.write(2)
        leader.start()
        leader, other = other, leader
        flow.settle()

        flow.write(2)
        flow.agent_dies()
        flow.terminal.kill()
        flow.write(1)
        flow.open()
        flow.settle()

        flow.write(2)
        flow.agent_dies()
        flow.terminal.hang_up()
        flow.write(1)
        flow.open()
        flow.settle()

        flow.write(2)
        flow.agent_dies()
        flow.terminal.kill()
        send(flow.agent.home.processes(), signal.SIGKILL)
        leader.kill()
        flow.write(1)
        leader.start()
        leader, other = other, leader
        flow.open()
        flow.settle()
    flow.check()


@BOTH
def test_the_clock_is_set_while_messages_flow(
    request: pytest.FixtureRequest,
    name: str,
    server: Server,
    model: Model,
    phone: Phone,
    tmp_path: Path,
) -> None:
    clock = Clock(tmp_path / "clock")
    agent: Claude | Codex = request.getfixturevalue(name)
    server.close()
    server.env |= clock.env
    agent.env |= clock.env
    server.start()
    server.wait_ready()
    flow = Flow(agent, server, model, phone)
    flow.open()
    for seconds in (DAY, -DAY, 0, 10 * DAY, 0):
        flow.write(2)
        clock.set(seconds)
        flow.write(2)
        flow.settle()
    # And while a message is claimed by somebody who does not come to write it.
    held = flow.waiters() or flow.daemons()
    for seconds in (DAY, -DAY):
        send(held, signal.SIGSTOP)
        flow.write(1)
        until(lambda: server.json("status")["messages"]["claimed"] == 1, "it is claimed")
        clock.set(seconds)
        flow.write(1)
        assert (
            server.json("status")["messages"] | {"pending": 1, "claimed": 1}
            == (server.json("status")["messages"])
        ), "the claim holds"
        send(held, signal.SIGCONT)
        flow.settle()
        held = flow.waiters() or flow.daemons()
    flow.check()


@BOTH
def test_everything_stands_still_for_longer_than_a_lease(flow: Flow, server: Server) -> None:
    """As when the computer sleeps, but that the phone's service goes on."""
    assert server.process is not None
    for first in (0, 2):
        flow.write(first)
        everything = [*flow.agent.home.processes(), server.process.pid]
        send(everything, signal.SIGSTOP)
        flow.write(2)
        _pause(LONGER_THAN_A_LEASE)
        send(everything, signal.SIGCONT)
        flow.settle()
    flow.check()


@BOTH
def test_whoever_holds_a_message_stands_still_for_longer_than_a_lease(
    flow: Flow, server: Server
) -> None:
    held = flow.waiters() or flow.daemons()
    assert held
    send(held, signal.SIGSTOP)
    flow.write(1)
    if isinstance(flow.agent, Claude):
        # The user is quicker than the hook that stands still with the message in its hands.
        until(lambda: server.json("status")["messages"]["claimed"] == 1, "it is claimed")
        until(lambda: server.json("status")["messages"]["pending"] == 1, "its lease is over")
        flow.type("anything new?")
        flow.model.wait_for_text("message 0 of many.")
    else:
        _pause(LONGER_THAN_A_LEASE)
    send(held, signal.SIGCONT)
    flow.write(1)
    flow.settle()
    flow.check()


def test_a_hook_is_timed_out_by_its_agent_with_a_message_in_its_hands(
    claude: Claude, server: Server, model: Model, phone: Phone
) -> None:
    flow = Flow(claude, server, model, phone, "prompt")  # nothing that wakes
    claude.interactive()
    flow.terminal.wait_quiet(0.5)
    flow.write(1)
    server.wait_stored(1)
    assert server.process is not None
    leader = [server.process.pid]
    # The hook waits for the leader, and is stopped before that answers.
    send(leader, signal.SIGSTOP)
    flow.terminal.type("the first prompt")
    until(lambda: asking_hooks(claude.home), "a hook asks")
    held = asking_hooks(claude.home)
    send(held, signal.SIGSTOP)
    send(leader, signal.SIGCONT)
    until(lambda: server.json("status")["messages"]["claimed"] == 1, "it is claimed")
    first = model.wait_for_text("the first prompt")
    assert "message 0 of many." not in first.text
    assert not set(held) & set(claude.home.processes()), "the agent has ended its hook"
    until(lambda: server.json("status")["messages"]["pending"] == 1, "its lease is over")
    flow.terminal.wait_quiet(0.5)
    flow.type("the second prompt")
    flow.settle()
    flow.check()


def test_a_codex_whose_background_server_was_killed_swallows_nothing(
    codex: Codex, server: Server, model: Model, phone: Phone
) -> None:
    """Its terminal stays and waits for another one: what is queued now nobody would read."""
    flow = Flow(codex, server, model, phone)
    flow.open()
    flow.write(1)
    flow.settle()
    send(flow.daemons(), signal.SIGKILL)
    flow.terminal.wait_for_text("Reconnecting")
    turns = len(model.turns)
    flow.write(1)
    server.wait_stored(2)
    flow.terminal.wait_for(lambda screen: "(2s)" in screen or "(3s)" in screen)
    assert server.json("status")["messages"]["pending"] == 1
    assert len(model.turns) == turns
    flow.terminal.hang_up()
    flow.open()
    flow.settle()
    flow.check()


def _pause(seconds: float) -> None:
    """Let time pass: that is what is tested."""
    time.sleep(seconds)
