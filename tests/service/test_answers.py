"""Whatever the service answers to a send: no crash, and nothing called sent that was not taken."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weilink.ilink.client import ILinkClient
from weilink.ilink.errors import ILinkError
from weilink.ilink.login import Login
from weilink.service import Service
from weilink.service.parts import FilePart, TextPart
from weilink.settings import load
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.models import Delivery, NewMessage, PartState

USER = "owner@im.wechat"
SESSION = BotSession("one", "bot@im.bot", USER, "http://service", "token", 0)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
OBJECT = st.fixed_dictionaries(
    {},
    optional={
        "ret": st.sampled_from([0, 0, -1, -2, -14, "0", None]) | JSON,
        "errcode": st.sampled_from([0, -14]) | JSON,
        "message_id": JSON,
        "upload_full_url": JSON | st.sampled_from(["http://169.254.169.254/", "http://cdn/c2c/x"]),
        "upload_param": JSON,
        "typing_ticket": JSON,
        "qrcode": JSON,
        "qrcode_img_content": JSON,
        "status": JSON | st.sampled_from(["confirmed", "scaned_but_redirect", "need_verifycode"]),
        "bot_token": JSON,
        "baseurl": JSON,
        "redirect_host": JSON,
    },
)
BODY = (
    (OBJECT | JSON).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=20)
    | st.sampled_from([b"[" * 50_000, b'{"ret": 0, "message_id": "\\ud83d"}', b""])
)
ANSWER = st.tuples(st.sampled_from([200, 200, 200, 302, 403, 500, 504]), BODY)


def taken(status: int, body: bytes) -> bool:
    """Return whether this answer can mean that a message was taken."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return False
    codes = [raw.get("ret"), raw.get("errcode")] if isinstance(raw, dict) else [-1]
    return status < 400 and not any(isinstance(code, int) and code != 0 for code in codes)


@settings(max_examples=25, deadline=None)
@given(st.lists(ANSWER, min_size=1, max_size=6), st.booleans())
def test_any_answer_to_a_send(answers: list[tuple[int, bytes]], with_file: bool) -> None:
    said: list[tuple[str, int, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        status, body = answers[len(said) % len(answers)]
        said.append((request.url.path.rpartition("/")[2], status, body))
        return httpx.Response(status, content=body, headers={"x-encrypted-param": "reference"})

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder) / "base"
            chosen = load(
                base_path=base, ilink_base_url="http://service", cdn_base_url="http://cdn/c2c"
            )
            http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
            async with Store(base) as store, http:
                service = Service(chosen, store, http)
                store.credentials.save(SESSION)
                hello = NewMessage("1", USER, "TEXT", "hello", 1, "token", Delivery.PENDING, {})
                await store.inbox.commit_batch(SESSION.bot_id, "c", [hello])
                (Path(folder) / "f").write_bytes(b"data")
                part = FilePart(Path(folder) / "f") if with_file else TextPart("text")
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr("weilink.ilink.cdn.PAUSE", 0)
                    result = await service.sender.send(USER, [part])
                sends = [taken(code, text) for name, code, text in said if name == "sendmessage"]
                state = result.parts[0].state
                if state is PartState.SENT:
                    assert sends[-1]
                else:
                    assert result.parts[0].reason
                    # Taken, and not called sent: only when what came with it made no sense.
                    assert state in (PartState.QUEUED, PartState.FAILED)

    anyio.run(run)


@settings(max_examples=60, deadline=None)
@given(st.lists(ANSWER, min_size=1, max_size=4))
def test_any_answer_to_a_login(answers: list[tuple[int, bytes]]) -> None:
    """An error of ours with a sentence, or a state; never credentials that are not whole."""
    count = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        status, body = answers[count % len(answers)]
        count += 1
        return httpx.Response(status, content=body)

    async def run() -> None:
        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        async with ILinkClient("https://service", http=http) as client:
            login = Login(client)
            for call in (login.start, login.poll, login.poll, login.poll):
                try:
                    await call()
                except ILinkError as error:
                    assert str(error)
            if login.credentials is not None:
                assert login.credentials.token
                assert login.credentials.bot_id
                assert login.credentials.base_url.startswith("https://")

    anyio.run(run)
