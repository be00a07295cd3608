from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.conftest import leading, log_in, stored, written
from weilink.ilink.client import ILinkClient
from weilink.sandbox.phone import Phone
from weilink.service import Service
from weilink.service.changes import Changes
from weilink.service.outcomes import WINDOW_CLOSED
from weilink.service.receiving import Poller
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.history import Query

pytestmark = pytest.mark.anyio

SESSION = BotSession("one", "bot@im.bot", "owner@im.wechat", "http://service", "token", 0)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={"message_id": JSON, "from_user_id": JSON, "item_list": JSON, "context_token": JSON},
)
UPDATES = st.fixed_dictionaries(
    {},
    optional={
        "ret": st.sampled_from([0, 0, 0, -1, -14, "0", None, 1.5]) | JSON,
        "errcode": st.sampled_from([0, 0, -14]) | JSON,
        "msgs": st.lists(MESSAGE | JSON, max_size=3) | JSON,
        "get_updates_buf": st.text() | JSON,
        "longpolling_timeout_ms": st.integers() | JSON,
    },
)
BODY = (
    st.binary(max_size=40)
    | (UPDATES | JSON).map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"[" * 100_000, b"9" * 10_000, b'{"msgs": [{"x": "\\ud83d"}]}', b""])
)
STATUS = st.sampled_from([200, 200, 200, 301, 400, 404, 500, 502])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(STATUS, BODY), min_size=1, max_size=4))
def test_any_answer_of_the_service(
    caplog: pytest.LogCaptureFixture, answers: list[tuple[int, bytes]]
) -> None:
    """No crash; the cursor is the old one or the new one; what is not understood is logged."""
    caplog.clear()
    pending = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        status, body = pending.pop(0)
        return httpx.Response(status, content=body)

    async def body() -> None:
        with tempfile.TemporaryDirectory() as folder:
            http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
            async with Store(Path(folder)) as store, http:
                client = ILinkClient("http://service", "token", http=http)
                poller = Poller(SESSION, client, store, Changes(store))
                good = json.dumps({"ret": 0, "get_updates_buf": "start"}).encode()
                pending.insert(0, (200, good))
                await poller._poll()
                before = "start"
                for _, raw in answers:
                    caplog.clear()
                    with caplog.at_level(logging.WARNING):
                        await poller._poll()
                    state = await store.bots.get(SESSION.bot_id)
                    if state.cursor != before:
                        assert state.cursor == json.loads(raw)["get_updates_buf"] != ""
                    elif not _usable(raw):
                        assert caplog.records, raw
                    before = state.cursor

    anyio.run(body)


def _usable(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except (ValueError, RecursionError):
        return False


async def test_repeated_batches_and_empty_cursors(service: Service, phone: Phone) -> None:
    phone.lab.fault("repeat", "*/getupdates", times=3)
    phone.lab.fault("empty_buf", "*/getupdates", times=3)
    async with leading(service):
        for n in range(6):
            message = phone.write(f"message {n}")
            await stored(service, message.message_id)
        await anyio.to_thread.run_sync(
            lambda: phone.wait_for(author="user", count=6, acknowledged=True)
        )
    page = await service.store.history.find(Query(limit=200))
    assert [m.text for m in reversed(page.messages)] == [f"message {n}" for n in range(6)]


async def test_a_repeated_batch_brings_no_old_token_back(service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone)
        await written(service, phone, "newer")
        before = await service.store.windows.get(phone.bot().bot_id, phone.user_id())
        phone.lab.fault("repeat", "*/getupdates", times=2)
        await written(service, phone, "newest")
        after = await service.store.windows.get(phone.bot().bot_id, phone.user_id())
        assert before is not None and after is not None
        assert before.token != after.token
        result = await service.sender.send_text(phone.user_id(), "x")
        assert result.parts[0].state.value == "sent"


async def test_a_stale_bot_is_reported_and_cured_by_login(service: Service, phone: Phone) -> None:
    async with leading(service):
        await written(service, phone)
        bot = phone.bot().bot_id
        phone.lab.make_stale()
        with anyio.fail_after(10):
            while not (await service.store.bots.get(bot)).problem:
                with anyio.move_on_after(0.2):
                    await service.changes.next.wait()
        problem = (await service.store.bots.get(bot)).problem
        assert "weilink login default --force" in problem
        await log_in(service, phone)
        await written(service, phone, "cured")
        (session,) = service.logins.sessions()
        assert (await service.store.bots.get(session.bot_id)).problem == ""


async def test_what_waited_for_a_stale_bot_waits_for_the_user_once_it_works(
    service: Service, phone: Phone
) -> None:
    async with leading(service):
        await written(service, phone)
    (session,) = service.logins.sessions()
    phone.lab.fault("answer", "*/getupdates", {"ret": 0, "errcode": -14})
    async with leading(service):
        with anyio.fail_after(10):
            while not (await service.store.bots.get(session.bot_id)).problem:
                with anyio.move_on_after(0.2):
                    await service.changes.next.wait()
        window = await service.store.windows.get(session.bot_id, phone.user_id())
        assert window is not None
        await service.store.windows.died(session.bot_id, phone.user_id(), window.token)
        (part,) = (await service.sender.send_text(phone.user_id(), "waits")).parts
        assert "no longer valid" in part.reason
    async with leading(service):
        with anyio.fail_after(10):
            while "no longer valid" in part.reason or not part.reason:
                with anyio.move_on_after(0.2):
                    await service.changes.next.wait()
                (part,) = await service.store.outbox.get([part.row])
        assert part.reason == WINDOW_CLOSED
        await written(service, phone, "go on")
        await anyio.to_thread.run_sync(lambda: phone.wait_for("waits"))


async def test_one_broken_bot_stops_no_other(service: Service, phone: Phone) -> None:
    broken = [
        BotSession("odd", "odd@im.bot", "x", "not a url", "t", 1),
        BotSession("latin", "latin@im.bot", "x", phone.base_url, "tökén", 1),
        BotSession("gone", "gone@im.bot", "x", "http://127.0.0.1:9", "t", 1),
    ]
    for session in broken:
        service.store.credentials.save(session)
    async with leading(service):
        await written(service, phone)
        result = await service.sender.send_text(phone.user_id(), "fine")
        assert result.parts[0].state.value == "sent"
