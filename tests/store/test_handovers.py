"""Who got which message when, and lists of messages by it."""

from __future__ import annotations

import sqlite3

import pytest

from tests.store.test_history import new
from weilink.store import Store
from weilink.store.agentsessions import AgentSession, AgentState
from weilink.store.clock import now_ms
from weilink.store.history import Query, _find
from weilink.store.models import Delivery, Direction

pytestmark = pytest.mark.anyio


def session(number: int, name: str, cwd: str) -> AgentSession:
    return AgentSession(
        id=name, agent="claude", number=number, cwd=cwd, pid=1, pid_started=1.0, interactive=True,
        turns_end=True, announces=False, state=AgentState.IDLE, activity=1, prompted_at=0,
        started_at=1, seen_at=1,
    )  # fmt: skip


async def found(store: Store, **query: object) -> list[str]:
    page = await store.history.find(Query(**query))  # type: ignore[arg-type]
    assert page.total == len(page.messages)
    return [message.text for message in page.messages]


async def test_each_message_tells_who_got_it_where_and_when(store: Store) -> None:
    started = now_ms()
    await store.agent_sessions.save(session(1, "abc", "/work/我 的"))
    texts = ["一 first", "second", "third"]
    await store.inbox.commit_batch("b", "c", [new(n, text) for n, text in enumerate(texts)])
    held = new(9, "from a stranger", user_id="s", delivery=Delivery.HELD)
    await store.inbox.commit_batch("b", "c", [held])

    one = await store.inbox.claim("claude:abc", 60_000, lambda messages, waiting: 1, session="abc")
    assert one is not None
    by_row = await store.handovers.of([message.row for message in one.messages])
    (handover,) = by_row.values()
    assert (handover.reader, handover.folder, handover.state) == (
        "claude:abc",
        "/work/我 的",
        "open",
    )
    assert handover.written_at == 0
    assert await found(store, delivery=Delivery.CLAIMED) == ["一 first"]
    assert await found(store, delivery=Delivery.PENDING) == ["third", "second"]
    assert await found(store, delivery=Delivery.HELD) == ["from a stranger"]

    await store.inbox.acknowledge(one.id)
    await store.agent_sessions.remove("abc")
    (handover,) = (await store.handovers.of([m.row for m in one.messages])).values()
    # What is known of it outlives the session.
    assert (handover.state, handover.folder) == ("written", "/work/我 的")
    assert started <= handover.claimed_at <= handover.written_at <= now_ms()
    await store.inbox.confirm([one.id])
    (handover,) = (await store.handovers.of([m.row for m in one.messages])).values()
    assert handover.state == "acknowledged"

    two = await store.inbox.claim("mcp:7", 60_000, lambda messages, waiting: 2)
    assert two is not None
    await store.inbox.release(two.id)
    (handover, _) = (await store.handovers.of([m.row for m in two.messages])).values()
    assert (handover.reader, handover.folder, handover.state) == ("mcp:7", "", "released")
    # Given back: it is nobody's.
    assert await found(store, reader="mcp:7") == []
    assert await found(store, reader="claude:abc") == ["一 first"]
    assert [one.reader for one in await store.handovers.readers()] == ["mcp:7", "claude:abc"]


async def test_the_filters_go_together(store: Store) -> None:
    many = [new(n, f"text {n}", user_id=f"u{n % 2}") for n in range(30)]
    await store.inbox.commit_batch("b", "c", many)
    claim = await store.inbox.claim("shell", 60_000, lambda messages, waiting: 20)
    assert claim is not None
    await store.inbox.acknowledge(claim.id)
    page = await store.history.find(
        Query(delivery=Delivery.DELIVERED, user_id="u1", limit=3, offset=2)
    )
    assert (page.total, [m.text for m in page.messages]) == (10, ["text 15", "text 13", "text 11"])
    assert await found(
        store, delivery=Delivery.DELIVERED, text_contains="TEXT 1", user_id="u0"
    ) == [f"text {n}" for n in (18, 16, 14, 12, 10)]
    assert await found(store, delivery=Delivery.PENDING, text_contains="text 2", reader="x") == []
    assert await found(store, delivery=Delivery.DELIVERED, direction=Direction.SENT) == []
    since = 1_700_000_000_000 + 18
    assert await found(store, reader="shell", since=since) == ["text 19", "text 18"]


async def test_the_lists_are_found_by_index(store: Store) -> None:
    """However long the history is, what waits, was held or delivered is found at once."""
    for delivery, index in (
        (Delivery.PENDING, "messages_open"),
        (Delivery.CLAIMED, "messages_open"),
        (Delivery.HELD, "messages_settled"),
        (Delivery.DELIVERED, "messages_settled"),
    ):
        plans = await store._db.read(_plans, Query(delivery=delivery))
        assert len(plans) == 2
        assert all(index in plan for plan in plans), plans


def _plans(db: sqlite3.Connection, query: Query) -> list[str]:
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    _find(db, query)
    db.set_trace_callback(None)
    return [" ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {one}")) for one in asked]
