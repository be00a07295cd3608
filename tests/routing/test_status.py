"""`weilink status`: who waits, who has what, what is installed, and whether the server answers."""

from __future__ import annotations

import os
import signal

import pytest

from tests.routing.conftest import Start
from tests.support.server import Server
from weilink.cli.output import Sessions, Status
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.slow


def status(server: Server) -> Status:
    """Run it."""
    return Status.model_validate(server.json("status"))


def test_who_waits_and_who_has_what(server: Server, phone: Phone, start: Start) -> None:
    before = status(server)
    assert before.server_answers and server.process and before.server_pid == server.process.pid
    assert [bot.polled for bot in before.bots] == [True]
    assert before.handovers == [] and before.agents == [] and before.hooks == []

    waiting, unwakable, codex = start("one"), start("two"), start("three", agent="codex")
    unwakable.prompt()
    codex.prompt()
    waiter = waiting.begin()
    waiter.wait_connected()
    found = {session.id: session.woken_by for session in status(server).agents}
    assert found == {"one": "hook", "two": "", "three": "queue"}
    text = server.weilink("status").stdout
    assert "1  " in text and "a hook waits to wake it" in text
    assert "woken through its queue" in text
    assert Sessions.model_validate(server.json("agents")).agents[0].id in found

    os.kill(waiter.pid, signal.SIGSTOP)
    phone.write("number 1")
    server.wait_stored(1)
    (held,) = status(server).handovers
    assert (held.reader, held.messages, held.queued) == ("claude:one", 1, False)
    assert held.lease_left_ms is not None and 0 < held.lease_left_ms <= 10_000
    assert "1 at claude:one, which has" in server.weilink("status").stdout
    os.kill(waiter.pid, signal.SIGCONT)
    assert "number 1" in waiter.wait().err
    (held,) = status(server).handovers
    assert held.lease_left_ms is None
    assert "1 written for claude:one" in server.weilink("status").stdout


def test_a_server_that_stands_still_is_named(server: Server) -> None:
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        found = status(server)
        assert found.server_running and not found.server_answers
        assert f"process {server.process.pid} does not answer" in server.weilink("status").stdout
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def test_hooks_that_are_installed(server: Server) -> None:
    done = server.weilink("setup", "claude", "--yes", "--hooks", "prompt,wake")
    assert done.returncode == 0, done.stderr
    (hooks,) = status(server).hooks
    assert (hooks.agent, hooks.scope, hooks.hooks) == ("claude", "user", ["prompt", "wake"])
    assert "Hooks in claude (user): prompt, wake" in server.weilink("status").stdout
