"""The rules alone: who gets a conversation, what is a command, which process is which."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from tests.routing.conftest import Start
from tests.support.server import Server
from weilink.sandbox.phone import Phone
from weilink.service import Service, open_service
from weilink.service.changes import wait
from weilink.service.phonewords import Command, Verdict, new_code, parse
from weilink.service.presence import Sign
from weilink.service.processes import alive, started
from weilink.service.routing import may_take, target
from weilink.settings import load
from weilink.store import Store
from weilink.store.agentsessions import AgentSession, AgentState, Binding, BindingKind
from weilink.store.models import Delivery, NewMessage


def session(name: str, activity: int, cwd: str = "/w", agent: str = "claude") -> AgentSession:
    return AgentSession(
        id=name, agent=agent, number=activity, cwd=cwd, pid=1, pid_started=1.0,
        interactive=agent != "script", turns_end=True, announces=False, state=AgentState.IDLE,
        activity=activity, prompted_at=0, started_at=0, seen_at=0,
    )  # fmt: skip


def message(number: int) -> NewMessage:
    return NewMessage(
        message_id=str(number), user_id="u", msg_type="TEXT", text="t", timestamp=1,
        context_token="c", delivery=Delivery.PENDING, raw={},
    )  # fmt: skip


ONE = session("one", 1, "/w/项目")
TWO = session("two", 2, "/w/项目/sub", "codex")
THREE = session("three", 3, "/w/项目 2")
ALL = [ONE, TWO, THREE]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (None, "", THREE),
        (BindingKind.SESSION, "one", ONE),
        (BindingKind.SESSION, "gone", None),
        (BindingKind.AGENT, "codex", TWO),
        (BindingKind.AGENT, "claude", THREE),
        (BindingKind.FOLDER, "/w/项目", TWO),
        (BindingKind.FOLDER, "/w/项", None),
        (BindingKind.FOLDER, "/", THREE),
    ],
)
def test_who_is_woken(kind: BindingKind | None, value: str, expected: AgentSession | None) -> None:
    bindings = {"user": Binding("user", kind, value)} if kind else {}
    assert target(ALL, bindings, "bot", "user") == expected


def test_the_users_binding_goes_before_the_bots() -> None:
    bindings = {
        "bot": Binding("bot", BindingKind.SESSION, "one"),
        "user": Binding("user", BindingKind.SESSION, "two"),
    }
    assert target(ALL, bindings, "bot", "user") == TWO
    assert target(ALL, bindings, "bot", "other") == ONE


def test_who_may_take_at_a_prompt() -> None:
    bound = {"user": Binding("user", BindingKind.SESSION, "one")}
    gone = {"user": Binding("user", BindingKind.SESSION, "gone")}
    script = session("script", 9, agent="script")
    assert may_take(ONE, ALL, bound, "bot", "user")
    assert not may_take(TWO, ALL, bound, "bot", "user")
    assert not may_take(None, ALL, bound, "bot", "user")
    assert may_take(TWO, ALL, gone, "bot", "user")
    assert may_take(TWO, ALL, {}, "bot", "user")
    assert not may_take(script, [*ALL, script], {}, "bot", "user")
    assert may_take(script, [script], {}, "bot", "user")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/agents", Command("agents", "")),
        (" /STATUS\n", Command("status", "")),
        ("/use 2", Command("use", "2")),
        ("／ｕｓｅ　２", Command("use", "2")),
        ("/use", Command("use", "")),
        ("/use the other one", None),
        ("/agents please", None),
        ("look at /agents", None),
        ("y k7q2", Verdict("k7q2", True, "")),
        ("Y  K7Q2", Verdict("k7q2", True, "")),
        ("n k7q2 not on main\nplease", Verdict("k7q2", False, "not on main\nplease")),
        ("yes k7q2", None),
        ("y test", None),
        ("n 2024 was good", None),
        ("y", None),
        ("", None),
    ],
)
def test_what_is_a_command(text: str, expected: object) -> None:
    assert parse(text) == expected


def test_every_code_can_be_answered() -> None:
    for _ in range(500):
        code = new_code()
        assert parse(f"y {code}") == Verdict(code, True, "")


def test_a_process_is_known_until_its_end() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process.stdin
    since = started(process.pid)
    assert since > 0 and alive(process.pid, since)
    assert not alive(process.pid, since + 1), "another process with the same id"
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not alive(process.pid, since), "a zombie reads nothing"
    process.wait()
    assert started(process.pid) == 0.0


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_is_set_ends_no_claim_and_makes_none_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    async def body() -> None:
        async with Store(tmp_path) as store:
            await store.inbox.commit_batch("b", "1", [message(1)])
            claim = await store.inbox.claim("r", 10_000, lambda m, n: len(m))
            assert claim is not None
            now, steady = time.time_ns(), time.monotonic_ns()
            monkeypatch.setattr("time.time_ns", lambda: now + hours * 3_600_000_000_000)
            assert await store.inbox.expire() == 0
            monkeypatch.setattr("time.monotonic_ns", lambda: steady + 10_000_000_000)
            assert await store.inbox.expire() == 1

    anyio.run(body)


def test_a_lease_of_before_the_computer_was_started_anew_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body() -> None:
        async with Store(tmp_path) as store:
            await store.inbox.commit_batch("b", "1", [message(1)])
            with monkeypatch.context() as before:
                before.setattr("time.monotonic_ns", lambda: 10**18)
                assert await store.inbox.claim("r", 10_000, lambda m, n: len(m)) is not None
            assert await store.inbox.expire() == 1

    anyio.run(body)


def test_nothing_overtakes_what_waits_in_the_queue_of_an_agent(tmp_path: Path) -> None:
    async def body() -> None:
        async with Store(tmp_path) as store:
            inbox = store.inbox
            await inbox.commit_batch("b", "1", [message(1)])
            first = await inbox.claim("r", 10_000, lambda m, n: len(m), session="s", wakes=True)
            assert first is not None
            assert await inbox.acknowledge(first.id)
            await inbox.commit_batch("b", "2", [message(2)])
            assert await inbox.claim("r", 10_000, lambda m, n: len(m), session="s") is None
            assert set(await inbox.waking()) == {first.id}
            assert await inbox.confirm([first.id], woken=first.id) == 1
            second = await inbox.claim("r", 10_000, lambda m, n: len(m), session="s", wakes=True)
            assert second is not None and second.messages[0].message_id == "2"
            # The agent may begin with it before it is acknowledged.
            assert await inbox.confirm([second.id], woken=second.id) == 1
            assert not await inbox.acknowledge(second.id)
            assert not inbox.any_open()

    anyio.run(body)


class Queue:
    """A live session of Codex on a service, which has its messages in the order of handing over."""

    SIGN = Sign("s", "codex", "/w", os.getpid(), interactive=True, prompted=True, announces=True)

    def __init__(self, service: Service) -> None:
        self._claims = service.claims
        self._inbox = service.store.inbox
        self.presence = service.presence

    async def write(self, number: int) -> None:
        await self._inbox.commit_batch("b", str(number), [message(number)])

    async def next(self, *, wakes: bool = False) -> bool:
        """Hand over what waits, and acknowledge; return whether there was anything."""
        handover = await self._claims.envelope("r", 10_000, len, session="s", wakes=wakes)
        return handover is not None and await self._claims.acknowledge(handover.claim_id)

    async def on_the_disk(self) -> None:
        """Wait until what was to be written behind the answers is."""
        done = anyio.Event()

        async def mark() -> None:
            done.set()

        self.presence.later(mark)
        await done.wait()


def test_a_turn_that_ends_does_not_count_as_reading_what_is_queued_meanwhile(
    tmp_path: Path,
) -> None:
    async def body() -> None:
        async with (
            open_service(load(base_path=tmp_path)) as service,
            anyio.create_task_group() as tasks,
        ):
            queue = Queue(service)
            queue.presence.note(queue.SIGN)
            await queue.write(1)
            assert await queue.next()
            queue.presence.confirm("s")  # its turn ends; the disk is slow
            await queue.write(2)
            assert await queue.next(wakes=True)
            tasks.start_soon(queue.presence.run)
            await queue.on_the_disk()
            await queue.write(3)
            assert not await queue.next(), "it overtook what is queued"
            queue.presence.confirm("s", woken=True)
            await queue.on_the_disk()
            assert await queue.next()
            tasks.cancel_scope.cancel()

    anyio.run(body)


@pytest.mark.parametrize("seen", [True, False])
def test_whoever_leads_next_lets_nothing_overtake_what_is_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    async def before() -> None:
        async with (
            open_service(load(base_path=tmp_path)) as service,
            anyio.create_task_group() as tasks,
        ):
            queue = Queue(service)
            queue.presence.note(queue.SIGN)
            tasks.start_soon(queue.presence.run)
            await queue.write(1)
            assert await queue.next(wakes=True)
            await queue.on_the_disk()
            tasks.cancel_scope.cancel()

    async def after() -> None:
        async with (
            open_service(load(base_path=tmp_path)) as service,
            anyio.create_task_group() as tasks,
        ):
            queue = Queue(service)
            await queue.presence.load()
            await queue.write(2)
            assert not await queue.next(), "it overtook what is queued"
            assert not await queue.next(wakes=True)
            if not seen:
                # It began with it while nobody led: nothing will tell.
                monkeypatch.setattr("weilink.service.presence.BEGIN_SECONDS", 0.0)
            changed = service.changes.next
            tasks.start_soon(queue.presence.run)
            if seen:
                queue.presence.confirm("s", woken=True)
            with anyio.fail_after(10):
                while not await queue.next(wakes=True):
                    await wait(changed, 0.1)
            # That the session tells when it begins is known from before, too.
            await queue.write(3)
            assert not await queue.next()
            tasks.cancel_scope.cancel()

    anyio.run(before)
    anyio.run(after)


def test_what_a_session_did_not_confirm_comes_again_and_a_late_word_does_not_count(
    tmp_path: Path,
) -> None:
    async def body() -> None:
        async with Store(tmp_path) as store:
            await store.inbox.commit_batch("b", "1", [message(1)])
            claim = await store.inbox.claim("r", 10_000, lambda m, n: len(m), session="s")
            assert claim is not None
            assert await store.inbox.acknowledge(claim.id)
            assert await store.inbox.unconfirmed() == {claim.id: "s"}
            assert await store.inbox.forsake("s") == 1
            assert not await store.inbox.acknowledge(claim.id)
            claim = await store.inbox.claim("r", 10_000, lambda m, n: len(m), session="t")
            assert claim is not None
            assert await store.inbox.acknowledge(claim.id)
            assert await store.inbox.confirm([claim.id]) == 1
            assert await store.inbox.forsake("t") == 0
            assert not store.inbox.any_open()

    anyio.run(body)


def test_the_whole_way(server: Server, phone: Phone, start: Start) -> None:
    first, second = start("one"), start("two")
    waiter, other = first.begin(), second.begin()
    phone.write("number 1")
    assert other.wait().err.count("number 1") == 1
    phone.write("/use 1")
    phone.wait_for(contains="1. claude")
    phone.write("number 2")
    assert waiter.wait().err.count("number 2") == 1
    assert second.prompt() == ""
