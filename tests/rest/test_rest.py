"""The REST server over real HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.pages.faces import log_in, running
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.server.results import HistoryResult, RecvResult, SendOut, SessionsResult

TOOLS = [
    *("recv", "send", "download", "history", "sessions", "login", "logout"),
    *("rename_session", "set_default"),
]
TOKEN = "a-long-secret-of-the-tests-0123456789"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    process = SandboxProcess.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def server(
    sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    base = tmp_path_factory.mktemp("rest") / "base"
    log_in(base, sandbox.phone)
    with (
        running(base, sandbox.phone, "openapi", "-p", "0", WEILINK_TOKEN=TOKEN) as url,
        httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=20
        ) as client,
    ):
        sandbox.phone.wait_polling()
        yield client


def call(server: httpx.Client, tool: str, **parameters: Any) -> Any:
    answer = server.post(f"/tools/default/{tool}", json=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_tool_is_listed_and_described(server: httpx.Client) -> None:
    listed = server.get("/tools").json()["tools"]
    assert [tool["name"] for tool in listed] == TOOLS
    assert all(tool["description"] and tool["output_schema"] for tool in listed)
    api = server.get("/openapi.json").json()
    assert [path for path in api["paths"] if path != "/tools"] == [
        f"/tools/default/{tool}" for tool in TOOLS
    ]
    assert {"RecvResult", "SendRequest", "MessageOut"} <= api["components"]["schemas"].keys()


def test_a_message_comes_in_and_the_answer_goes_out(server: httpx.Client, sandbox: Any) -> None:
    phone: Phone = sandbox.phone
    phone.write("from the phone")
    got = RecvResult.model_validate(call(server, "recv", timeout=10))
    assert [one.text for one in got.messages] == ["from the phone"]
    assert call(server, "recv", timeout=0)["messages"] == []
    sent = SendOut.model_validate(call(server, "send", to=phone.user_id(), text="over REST"))
    assert [part.state for part in sent.parts] == ["sent"]
    phone.wait_for("over REST")
    found = HistoryResult.model_validate(call(server, "history", text_contains="REST"))
    assert [one.text for one in found.messages] == ["over REST"]
    bots = SessionsResult.model_validate(server.post("/tools/default/sessions").json())
    assert [bot.name for bot in bots.sessions] == ["default"]


def test_a_client_that_leaves_costs_no_message(server: httpx.Client, sandbox: Any) -> None:
    phone: Phone = sandbox.phone
    address = urlsplit(str(server.base_url))
    body = b'{"timeout": 60}'
    with socket.create_connection((address.hostname or "", address.port or 0)) as leaving:
        head = (
            f"POST /tools/default/recv HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        leaving.sendall(head.encode() + body)
        call(server, "sessions")
    call(server, "sessions")  # the server has read the end of the connection by now
    phone.write("for whoever stays")
    got = call(server, "recv", timeout=15)
    assert [one["text"] for one in got["messages"]] == ["for whoever stays"]


def test_a_held_recv_is_answered_as_soon_as_there_is_a_message(
    server: httpx.Client, sandbox: Any
) -> None:
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(call(server, "recv", timeout=15)))
    waiting.start()
    sandbox.phone.write("news")
    waiting.join(10)
    assert answers[0]["messages"][0]["text"] == "news"


@pytest.mark.parametrize(
    ("tool", "body", "status", "word"),
    [
        ("send", {"to": "nobody@im.wechat", "text": "x"}, 400, "nobody@im.wechat"),
        ("send", {"to": "x", "txt": "x"}, 422, "txt"),
        ("send", {"text": "x"}, 422, "`to`"),
        ("send", [], 422, ""),
        ("history", {"limit": 1000}, 422, "`limit`"),
        ("history", {"since": "not a time"}, 400, "since"),
        ("recv", {"timeout": -1}, 422, "`timeout`"),
        ("download", {"message_id": "1"}, 400, "'1'"),
        ("logout", {"session_name": "nobody"}, 409, "nobody"),
        ("rename_session", {"old_name": "default", "new_name": "../x"}, 400, ""),
    ],
)
def test_an_error_says_what_to_do(
    server: httpx.Client, tool: str, body: Any, status: int, word: str
) -> None:
    answer = server.post(f"/tools/default/{tool}", json=body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"]), answer.text
    assert word in answer.json()["error"]


def test_half_a_surrogate_pair_and_broken_json_break_nothing(server: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (b'{"to": "\\ud800", "text": "\\udfff"}', b"{", b"\xff\xfe", b"null", b'"x"'):
        answer = server.post("/tools/default/send", content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["error"]


def test_there_is_nothing_else(server: httpx.Client) -> None:
    assert server.get("/tools/default/recv").status_code == 405
    for path in ("/", "/redoc", "/tools/default/nope", "/tools/other/recv"):
        assert server.post(path).status_code in (404, 405)


# -- who is let in --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"bearer{TOKEN}"]
)
def test_without_the_token_nothing_happens(server: httpx.Client, sandbox: Any, given: str) -> None:
    before = len(sandbox.phone.chat(author="bot"))
    headers = {"Authorization": given}
    body = {"to": sandbox.phone.user_id(), "text": "forged"}
    for method, path in (("GET", "/tools"), ("POST", "/tools/default/send")):
        json = body if method == "POST" else None
        answer = server.request(method, path, json=json, headers=headers)
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["www-authenticate"]
    assert len(sandbox.phone.chat(author="bot")) == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
    ],
)
def test_another_page_gets_nothing(
    server: httpx.Client, headers: dict[str, str], status: int
) -> None:
    for path in ("/tools", "/openapi.json", "/docs"):
        assert server.get(path, headers=headers).status_code == status
    assert server.post("/tools/default/sessions", headers=headers).status_code == status


def test_a_body_without_end_is_refused(server: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * 65536

    answer = server.post("/tools/default/send", content=pieces())
    assert answer.status_code == 413


def test_the_description_can_be_read_without_the_token(server: httpx.Client) -> None:
    for path in ("/docs", "/openapi.json", "/assets/page/docs.js", "/assets/web/ui.js"):
        answer = server.get(path, headers={"Authorization": ""})
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_it_does_not_listen_for_others_without_a_token(tmp_path: Path, sandbox: Any) -> None:
    with (
        pytest.raises(RuntimeError, match="WEILINK_TOKEN"),
        running(tmp_path / "base", sandbox.phone, "openapi", "-p", "0", "--host", "0.0.0.0"),
    ):
        raise AssertionError("it listens")
