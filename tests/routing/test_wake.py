"""Waking: once, the right session, whoever is killed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.routing.conftest import Start
from tests.support.server import DEADLINE, Server
from weilink.sandbox.phone import Phone
from weilink.service.claiming import LEASE_MS
from weilink.service.processes import started

pytestmark = pytest.mark.slow  # together; each takes about three seconds


def until(true: object, deadline: float = DEADLINE) -> None:
    """Wait until `true()`; asks often, each asking does some work."""
    assert callable(true)
    end = time.monotonic() + deadline
    while not true():
        assert time.monotonic() < end
        Path("/proc/self/stat").read_text()


def test_a_message_wakes_the_idle_agent(server: Server, phone: Phone, start: Start) -> None:
    waiter = start("one").begin()
    phone.write("number 1")
    done = waiter.wait()
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("[WeiLink] 1 new WeChat message:\n<wechat-message ")
    assert done.err.count("number 1") == 1
    assert server.json("status")["messages"]["pending"] == 0


def test_the_last_used_session_is_woken_and_no_other(phone: Phone, start: Start) -> None:
    first, second = start("one"), start("two")
    waiters = [first.begin(), second.begin()]
    phone.write("number 1")
    assert "number 1" in waiters[1].wait().err
    second.woken("[WeiLink] woken")
    assert second.hook("Stop", stop_hook_active=True) == ""
    waiters[1] = second.waiter()
    # Now the user goes to the first one; that the other was woken did not make it the last used.
    first.prompt("I am here")
    first.hook("Stop")
    waiters.append(first.waiter())
    assert waiters[0].wait().code == 0, "a new waiter takes the place of the old one"
    phone.write("number 2")
    assert "number 2" in waiters[2].wait().err
    assert waiters[1].runs


def test_being_woken_is_no_act_of_the_user(phone: Phone, start: Start) -> None:
    first, second = start("one"), start("two")
    waiter, other = first.begin(), second.begin()
    first.woken("[WeiLink] x")
    first.hook("Stop", stop_hook_active=True)
    phone.write("number 1")
    assert "number 1" in other.wait().err
    assert waiter.runs


def test_a_killed_agent_takes_no_message_along(server: Server, phone: Phone, start: Start) -> None:
    dead, other = start("one"), start("two")
    other_waiter = other.begin()
    waiter = dead.begin()  # the last used one
    waiter.wait_connected()
    dead.kill()
    phone.write("number 1")
    assert "number 1" in other_waiter.wait().err
    until(lambda: not started(waiter.pid))
    assert [one["id"] for one in server.json("agents")["agents"]] == ["two"]


def test_an_agent_killed_while_its_hook_starts(server: Server, phone: Phone, start: Start) -> None:
    dead, other = start("one"), start("two")
    other_waiter = other.begin()
    waiter = dead.begin()
    dead.kill()  # most often before the hook has looked who its parent is
    phone.write("number 1")
    assert "number 1" in other_waiter.wait().err
    until(lambda: not started(waiter.pid))
    assert [one["id"] for one in server.json("agents")["agents"]] == ["two"]


def test_what_was_written_for_an_agent_that_died_unread_goes_to_the_next(
    server: Server, phone: Phone, start: Start
) -> None:
    dead = start("one")
    waiter = dead.begin()
    phone.write("number 1")
    assert "number 1" in waiter.wait().err
    dead.kill()  # before its next hook showed that it had read
    other = start("two")
    until(lambda: server.json("status")["messages"]["pending"] == 1)
    assert "number 1" in other.prompt()


def test_what_an_agent_has_read_before_it_died_does_not_come_again(
    server: Server, phone: Phone, start: Start
) -> None:
    dead = start("one")
    waiter = dead.begin()
    phone.write("number 1")
    assert "number 1" in waiter.wait().err
    dead.woken("[WeiLink] number 1")
    until(lambda: server.json("status")["claims"]["written"] == 0)
    dead.kill()
    until(lambda: server.json("agents")["agents"] == [])
    assert start("two").prompt() == ""


def test_a_closed_session_gives_back_what_it_did_not_read(phone: Phone, start: Start) -> None:
    closed, other = start("one"), start("two")
    waiter = other.begin()
    closed_waiter = closed.begin()
    phone.write("number 1")
    assert "number 1" in closed_waiter.wait().err
    closed.hook("SessionEnd", reason="other")
    assert "number 1" in waiter.wait().err


def test_a_waiter_survives_the_leader(server: Server, phone: Phone, start: Start) -> None:
    waiter = start("one").begin()
    # What a killed leader has not stored yet, the next one does not know: it would be patient.
    until(lambda: server.json("agents")["agents"][0]["state"] == "idle")
    server.kill()
    phone.write("number 1")
    server.start()
    assert "number 1" in waiter.wait().err


def test_a_waiter_survives_a_leader_that_ends_in_good_order(
    server: Server, phone: Phone, start: Start
) -> None:
    waiter = start("one").begin()
    server.close()
    server.start()
    server.wait_ready()
    phone.write("number 1")
    assert "number 1" in waiter.wait().err
    assert "Traceback" not in Path(f"{server.base}.log").read_text()


def test_a_waiter_without_a_server_costs_nothing_and_ends_with_its_agent(
    server: Server, start: Start
) -> None:
    agent = start("one")
    waiter = agent.begin()
    server.kill()
    memory = Path(f"/proc/{waiter.pid}/status").read_text()
    kilobytes = int(memory.partition("VmRSS:")[2].split()[0])
    assert kilobytes < 12 * 1024
    agent.kill()
    until(lambda: not started(waiter.pid))


def test_an_idle_waiter_uses_no_processor(start: Start) -> None:
    waiter = start("one").begin()

    def ticks() -> int:
        fields = Path(f"/proc/{waiter.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before, end = ticks(), time.monotonic() + 6
    until(lambda: time.monotonic() > end)
    assert ticks() - before <= 1  # hundredths of a second


def test_print_mode_is_neither_held_up_nor_woken(phone: Phone, start: Start) -> None:
    attended = start("one")
    waiter = attended.begin()
    script = start("two", entry="sdk-cli")
    assert script.waiter("SessionStart").wait().code == 0
    phone.write("number 1")
    assert "number 1" in waiter.wait().err
    phone.write("number 2")
    # Somebody sits in front of the other one: what is not bound is not for a script.
    assert script.prompt() == ""


def test_during_a_turn_messages_come_with_the_next_tool(
    server: Server, phone: Phone, start: Start
) -> None:
    agent = start("one")
    waiter = agent.begin()
    agent.prompt("work")
    phone.write("number 1")
    server.wait_stored(1)
    assert "number 1" in agent.hook("PostToolUse", tool_name="Bash")
    phone.write("number 2")
    server.wait_stored(2)
    # A helper of the agent has a context of its own.
    assert agent.hook("PostToolUse", tool_name="Bash", agent_id="helper") == ""
    assert "number 2" in agent.hook("Stop")
    phone.write("number 3")
    server.wait_stored(3)
    # Once in a row, so that no loop is endless; then the session is idle, and woken.
    assert agent.hook("Stop", stop_hook_active=True) == ""
    assert "number 3" in waiter.wait().err


def test_a_session_at_work_leaves_the_messages_of_another_alone(
    server: Server, phone: Phone, start: Start
) -> None:
    worker, last = start("one"), start("two")
    worker.begin()
    worker.prompt("a long task")
    last.begin()
    last.prompt("another")
    phone.write("number 1")
    server.wait_stored(1)
    assert worker.hook("PostToolUse") == ""
    assert "number 1" in last.hook("PostToolUse")


def test_a_hook_killed_before_it_wrote_gives_the_message_back(
    server: Server, phone: Phone, start: Start
) -> None:
    agent = start("one")
    waiter = agent.begin()
    waiter.wait_connected()
    os.kill(waiter.pid, 19)  # stopped, as by a computer that sleeps
    phone.write("number 1")
    server.wait_stored(1)
    until(lambda: server.json("status")["messages"]["claimed"] == 1)
    os.kill(waiter.pid, 9)
    again = agent.waiter()
    assert "number 1" in again.wait(LEASE_MS / 1000 + 10).err
