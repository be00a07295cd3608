"""Who can do what to the panel, without a browser: forged, foreign and wrong requests."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.pages.faces import log_in, running
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

READS = [
    "changes",
    "overview",
    "people",
    "messages",
    "media/1",
    "outbox",
    "log",
    "agents",
    "health",
]
ACTIONS: dict[str, dict[str, Any]] = {
    "bots/rename": {"old": "default", "new": "stolen"},
    "bots/default": {"name": "default"},
    "bots/logout": {"name": "default"},
    "logins/start": {"name": "x"},
    "logins/poll": {"id": "x"},
    "logins/cancel": {"id": "x"},
    "people/access": {"user_id": "eve@im.wechat", "allowed": True},
    "people/policy": {"policy": "anyone"},
    "send": {"to": "alice@im.wechat", "text": "forged"},
    "outbox/retry": {"row": 1},
    "outbox/drop": {"row": 1},
    "agents/bind": {"contact": "alice@im.wechat", "kind": "agent", "value": "codex"},
    "agents/unbind": {"contact": "alice@im.wechat"},
    "health/check": {"lang": "en"},
    "leave": {},
}


@pytest.fixture(scope="module")
def phone() -> Iterator[Phone]:
    with running_sandbox(longpoll_seconds=1) as phone:
        yield phone


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("panel") / "base"


@pytest.fixture(scope="module")
def link(base: Path, phone: Phone) -> Iterator[str]:
    log_in(base, phone)
    with running(base, phone, "admin", "-p", "0") as link:
        phone.wait_polling(timeout=20)
        phone.write("so that there is somebody to write to")
        phone.wait_for(author="user", acknowledged=True)
        yield link


@pytest.fixture
def panel(link: str) -> Iterator[httpx.Client]:
    """A client with a session."""
    parts = urlsplit(link)
    url = f"{parts.scheme}://{parts.netloc}"
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        key = parts.fragment.removeprefix("key=")
        session = client.post("/api/session", json={"key": key}).json()["session"]
        client.headers["Authorization"] = f"Bearer {session}"
        yield client


def unchanged(panel: httpx.Client, phone: Phone) -> None:
    assert [bot["name"] for bot in panel.get("/api/overview").json()["bots"]] == ["default"]
    people = panel.get("/api/people").json()
    assert (people["policy"], people["others"]) == ("owner", [])
    assert panel.get("/api/agents").json()["bindings"] == []
    assert panel.get("/api/health?lang=en").json()["checked_at"] == 0
    assert phone.chat(author="bot") == []


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic x", "bearer \u00e9"])
def test_without_a_session_nothing_happens(panel: httpx.Client, phone: Phone, given: str) -> None:
    headers = httpx.Headers({"Authorization": given}, encoding="latin-1")
    for path in READS:
        assert panel.get(f"/api/{path}", headers=headers).status_code == 401
    for path, body in ACTIONS.items():
        assert panel.post(f"/api/{path}", json=body, headers=headers).status_code == 401
    assert panel.post("/api/send/file?to=x", content=b"x", headers=headers).status_code == 401
    unchanged(panel, phone)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
    ],
)
def test_another_page_gets_nothing_even_with_a_session(
    panel: httpx.Client, phone: Phone, headers: dict[str, str], status: int
) -> None:
    for path in ("/", "/assets/page/main.js", "/api/overview"):
        assert panel.get(path, headers=headers).status_code == status
    for path, body in ACTIONS.items():
        assert panel.post(f"/api/{path}", json=body, headers=headers).status_code == status
    unchanged(panel, phone)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"key": null}', b'{"key": "\\ud800"}']
)
def test_a_wrong_secret_opens_nothing(panel: httpx.Client, body: bytes) -> None:
    answer = panel.post("/api/session", content=body, headers={"Authorization": ""})
    assert (answer.status_code, "session" in answer.json()) == (403, False)


def test_no_cookie_is_set_and_no_secret_is_shown(
    panel: httpx.Client, link: str, base: Path
) -> None:
    token = (base / "default" / "token.json").read_text()
    texts = [panel.get("/").text]
    for path in ("overview", "people", "messages", "outbox", "log", "agents", "health?lang=en"):
        answer = panel.get(f"/api/{path}")
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        texts.append(answer.text)
    assert link.partition("key=")[2] not in "".join(texts)
    assert json.loads(token)["token"] not in "".join(texts)


@pytest.mark.parametrize(
    "path",
    [
        *ACTIONS,
        "messages?limit=x",
        "messages?since=never",
        "messages?delivery=lost",
        "log?after=x",
        "health?lang=fr",
    ],
)
def test_a_request_of_another_shape_is_told_so(panel: httpx.Client, path: str) -> None:
    if path == "leave":
        return
    if "?" in path:
        answers = [panel.get(f"/api/{path}")]
    else:
        bodies = [b"", b"[]", b'{"name": 1, "row": "1"}', b'{"row": true}', b'{"policy": "all"}']
        bodies += [b'{"user_id": "\\ud800", "allowed": 1}', b'{"row": 99999999999999999999999}']
        answers = [panel.post(f"/api/{path}", content=body) for body in bodies]
    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]


def test_half_a_surrogate_pair_is_shown(panel: httpx.Client, phone: Phone) -> None:
    body = b'{"user": "alice", "messages": [{"text": "half \\ud83d pair"}]}'
    httpx.post(f"{phone.base_url}/_sandbox/messages", content=body, trust_env=False)
    phone.wait_for(author="user", contains="half", acknowledged=True)
    found = panel.get("/api/messages", params={"text": "half"}).json()["messages"]
    assert found[0]["text"].startswith("half ")


def pieces(size: int) -> Iterator[bytes]:
    """A body of which nobody is told how long it is."""
    for _ in range(size // 65536):
        yield b"x" * 65536


@pytest.mark.parametrize("told", [True, False], ids=["told", "in pieces"])
def test_only_a_file_may_be_long_and_no_longer_than_the_setting(
    panel: httpx.Client, base: Path, told: bool
) -> None:
    def body(size: int) -> bytes | Iterator[bytes]:
        return b"x" * size if told else pieces(size)

    for path in ("/api/send", "/api/session"):
        answer = panel.post(path, content=body(8 * 2**20))
        assert answer.status_code in (400, 403, 413), path
    # The limit of the settings is 100 MiB: what says that it is longer is not even read.
    query = {"to": "alice@im.wechat", "name": "long"}
    size = 101 * 2**20
    headers = {"Content-Length": str(size)} if told else {}
    try:
        long = panel.post("/api/send/file", params=query, content=pieces(size), headers=headers)
        assert (long.status_code, "too large" in long.json()["error"]) == (400, True)
    except httpx.NetworkError:
        pass  # the connection was closed while the client still wrote
    # To somebody who never wrote: the file came, was refused, and is gone.
    query = {"to": "nobody@im.wechat", "name": "../../登录/x.txt"}
    refused = panel.post("/api/send/file", params=query, content=body(8 * 2**20))
    assert (refused.status_code, bool(refused.json()["error"])) == (400, True), refused.text
    assert list((base / "uploads").iterdir()) == []


def test_a_browser_that_goes_away_in_the_middle_leaves_nothing(
    panel: httpx.Client, base: Path
) -> None:
    class GoneError(Exception):
        pass

    def some() -> Iterator[bytes]:
        yield b"x" * 65536
        deadline = time.monotonic() + 10
        while not list((base / "uploads").glob("*/half.bin")):
            assert time.monotonic() < deadline
        raise GoneError

    with pytest.raises(GoneError):
        panel.post(
            "/api/send/file?to=alice@im.wechat&name=half.bin",
            content=some(),
            headers={"Content-Length": str(2**20)},
        )
    panel.close()
    deadline = time.monotonic() + 10
    while list((base / "uploads").iterdir()):
        assert time.monotonic() < deadline


def test_nobody_else_can_read_what_is_being_sent(panel: httpx.Client, base: Path) -> None:
    modes: list[int] = []

    def some() -> Iterator[bytes]:
        yield b"x" * 65536
        deadline = time.monotonic() + 10
        while not modes and time.monotonic() < deadline:
            modes.extend(path.stat().st_mode & 0o777 for path in (base / "uploads").iterdir())
        yield b"x"

    panel.post(
        "/api/send/file?to=nobody@im.wechat&name=x",
        content=some(),
        headers={"Content-Length": str(65537)},
    )
    assert modes == [0o700]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"contact": "eve", "kind": "agent", "value": "codex"}, "neither"),
        ({"contact": "alice@im.wechat", "kind": "agent", "value": "rm -rf"}, "agents are"),
        ({"contact": "alice@im.wechat", "kind": "session", "value": "gone"}, "no open agent"),
        ({"contact": "alice@im.wechat", "kind": "cwd", "value": "relative"}, "not a folder"),
        ({"contact": "alice@im.wechat", "kind": "cwd", "value": "/no/such"}, "not a folder"),
        ({"contact": "alice@im.wechat", "kind": "cwd", "value": "/x\0"}, "not a folder"),
        ({"contact": "alice@im.wechat", "kind": "planet", "value": "x"}, "does not fit"),
    ],
)
def test_a_binding_that_means_nothing_is_refused(
    panel: httpx.Client, body: dict[str, str], said: str
) -> None:
    answer = panel.post("/api/agents/bind", json=body)
    assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text
    assert panel.get("/api/agents").json()["bindings"] == []
