"""The long poll by itself: what it does with each answer, without waiting for anything."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from weilink.ilink.client import GRACE, ILinkClient
from weilink.ilink.login import LIFETIME, MAX_QR_CODES, Login, LoginState
from weilink.service.changes import Changes
from weilink.service.receiving import Poller
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.history import Query

pytestmark = pytest.mark.anyio

SESSION = BotSession("one", "bot@im.bot", "owner@im.wechat", "http://service", "token", 0)
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Service:
    """Answers each request with the next of `answers`, and keeps the requests."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def cursors(self) -> list[str]:
        return [json.loads(request.content)["get_updates_buf"] for request in self.requests]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path) as store:
        yield store


def poller(store: Store, service: Service) -> Poller:
    http = httpx.AsyncClient(transport=httpx.MockTransport(service))
    return Poller(SESSION, ILinkClient("http://service", "token", http=http), store, Changes(store))


def batch(cursor: str, *ids: int) -> dict[str, object]:
    messages = [{"message_id": n, "from_user_id": "u", "item_list": []} for n in ids]
    return {"ret": 0, "get_updates_buf": cursor, "msgs": messages}


@pytest.mark.parametrize(
    "trouble",
    [
        {"ret": -1},
        {"errcode": 7},
        httpx.Response(502),
        httpx.Response(200, content=b"<html>"),
        httpx.ConnectError("down"),
        httpx.RemoteProtocolError("cut"),
    ],
)
async def test_backs_off_as_the_official_client_does(store: Store, trouble: object) -> None:
    service = Service(trouble)
    one = poller(store, service)
    # The long pause begins the count anew (client 2.4.9): a network that is back is found soon.
    assert [await one._poll() for _ in range(5)] == [2.0, 2.0, 30.0, 2.0, 2.0]
    assert (await store.bots.get(SESSION.bot_id)).problem
    service.answers = [batch("a", 1)]
    assert await one._poll() == 0
    assert (await store.bots.get(SESSION.bot_id)).problem == ""
    # After a success it begins anew.
    service.answers = [trouble]
    assert await one._poll() == 2.0


async def test_a_stale_bot_is_asked_hourly_and_may_come_back(store: Store) -> None:
    service = Service(batch("a", 1), {"errcode": -14})
    one = poller(store, service)
    assert [await one._poll() for _ in range(3)] == [0, 3600.0, 3600.0]
    assert "weilink login one --force" in (await store.bots.get(SESSION.bot_id)).problem
    service.answers = [batch("b")]
    await one._poll()
    assert (await store.bots.get(SESSION.bot_id)).problem == ""
    assert service.cursors() == ["", "a", "a", "a"]
    error = {"ret": -1}
    service.answers = [error, error, {"errcode": -14}, error]
    assert [await one._poll() for _ in range(4)] == [2.0, 2.0, 3600.0, 2.0]


async def test_a_service_that_repeats_itself_is_not_asked_without_a_pause(store: Store) -> None:
    answers = [batch("a", 1), batch("a", 1), batch("a", 2), batch("", 1), batch("b", 1)]
    one = poller(store, Service(*answers))
    pauses = [await one._poll() for _ in answers]
    assert [pause > 0 for pause in pauses] == [False, True, False, True, False]


@pytest.mark.parametrize(
    "odd",
    [{"longpolling_timeout_ms": odd} for odd in ("long", 0.5, 10**400)] + [{"get_updates_buf": 7}],
)
async def test_an_odd_field_of_an_answer_holds_no_message_up(
    store: Store, odd: dict[str, object]
) -> None:
    one = poller(store, Service({**batch("next", 1), **odd}))
    assert await one._poll() == 0
    assert await store.history.get("1") is not None


async def test_own_time_out_is_no_error(store: Store) -> None:
    service = Service(httpx.ReadTimeout("long poll"))
    one = poller(store, service)
    assert [await one._poll() for _ in range(4)] == [0.5] * 4
    assert (await store.bots.get(SESSION.bot_id)).problem == ""


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(1500, 1.5), (0, 35.0), (-5, 35.0), (10**12, 300.0), (1, 0.1), (None, 35.0)],
)
async def test_the_time_of_the_server_is_followed(
    store: Store, told: int | None, seconds: float
) -> None:
    service = Service({"ret": 0, "longpolling_timeout_ms": told})
    one = poller(store, service)
    await one._poll()
    await one._poll()
    assert service.requests[0].extensions["timeout"]["read"] == 35.0 + GRACE
    assert service.requests[1].extensions["timeout"]["read"] == seconds + GRACE


async def test_empty_cursors_and_ids_beyond_a_double(store: Store) -> None:
    """2^53 + 1 and its neighbour are one number to a double; 2^64 - 1 is none to SQL."""
    ids = [2**53, 2**53 + 1, 2**63, 2**64 - 1]
    service = Service(batch("a", *ids), batch("", *ids), batch("", 5), {"ret": 0, "msgs": []})
    one = poller(store, service)
    for _ in range(4):
        await one._poll()
    assert service.cursors() == ["", "a", "a", "a"]
    page = await store.history.find(Query())
    assert {message.message_id for message in page.messages} == {*map(str, ids), "5"}
    assert (await store.history.get(str(2**53 + 1))) is not None


async def test_a_qr_code_lives_five_minutes_and_three_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr("weilink.ilink.login.time.monotonic", lambda: now[0])
    service = Service({"qrcode": "q", "qrcode_img_content": "http://q", "status": "wait"})
    http = httpx.AsyncClient(transport=httpx.MockTransport(service))
    login = Login(ILinkClient("http://service", http=http))
    for left in range(MAX_QR_CODES):
        assert login.can_refresh, left
        await login.start()
        now[0] += LIFETIME
        assert await login.poll() is LoginState.PENDING
        now[0] += 1
        polls = len(service.requests)
        assert await login.poll() is LoginState.EXPIRED
        assert len(service.requests) == polls
    assert not login.can_refresh
    assert LIFETIME == 300
