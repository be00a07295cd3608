"""The clock is set, forward and back, while messages are on their way.

Leases of claims go by a clock that nobody sets: tests/routing.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from weilink.service.windows import replies_left
from weilink.store import Store
from weilink.store.models import Delivery, NewMessage, NewPart

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
JUMPS = [-400 * 24 * HOUR, -2 * HOUR, 2 * HOUR, 400 * 24 * HOUR]
Jump = Callable[[int], None]


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Jump:
    from weilink.store.clock import now_ms

    def to(offset: int) -> None:
        for module in ("inbox", "outbox", "working", "messages"):
            monkeypatch.setattr(f"weilink.store.{module}.now_ms", lambda: now_ms() + offset)
        monkeypatch.setattr("weilink.service.windows.time.time", lambda: (now_ms() + offset) / 1000)

    to(0)
    return to


def new(n: int) -> NewMessage:
    return NewMessage(str(n), "u", "TEXT", f"{n}", 1, f"token {n}", Delivery.PENDING, {})


def everything(messages: object, waiting: int) -> int:
    return waiting


@pytest.mark.parametrize("offset", JUMPS)
async def test_acknowledged_after_a_jump_counts_once(store: Store, jump: Jump, offset: int) -> None:
    await store.inbox.commit_batch("b", "c", [new(1)])
    claim = await store.inbox.claim("reader", 10_000, everything)
    assert claim is not None
    jump(offset)
    # Whoever looks now may release it, but as nobody else took it the reader's word holds.
    await store.inbox.expire()
    assert await store.inbox.acknowledge(claim.id)
    assert await store.inbox.claim("another", 10_000, everything) is None


@pytest.mark.parametrize("offset", JUMPS)
async def test_the_newest_window_stays_the_newest(store: Store, jump: Jump, offset: int) -> None:
    await store.inbox.commit_batch("old", "c", [new(1)])
    jump(offset)
    await store.inbox.commit_batch("new", "c", [new(2)])
    freshest, other = await store.windows.of_user("u")
    assert (freshest.bot_id, freshest.token) == ("new", "token 2")
    assert replies_left(freshest) == 10
    # One that is a year old is over; one from the future is taken for what it is: of today.
    assert replies_left(other) == (0 if offset > 24 * HOUR else 10)


@pytest.mark.parametrize("offset", JUMPS)
async def test_a_part_whose_sender_died_is_sent_again(
    store: Store, jump: Jump, offset: int
) -> None:
    rows = await store.outbox.add("b", "u", [NewPart("one", {}, "one"), NewPart("two", {}, "two")])
    first = await store.outbox.next("b", "u", 15_000)
    assert first is not None
    assert await store.outbox.next("b", "u", 15_000) is None
    jump(offset)
    again = await store.outbox.next("b", "u", 15_000)
    assert again is not None
    assert (again.row, again.client_id) == (rows[0], "one")
    assert [part.client_id for part in await store.outbox.get(rows)] == ["one", "two"]
