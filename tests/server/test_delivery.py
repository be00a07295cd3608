"""A message counts as delivered when its client has it, and goes to the next one when not."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.clients import ENVELOPE, Http, Stdio, environment
from tests.server.conftest import Starter, log_in
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.store.models import Delivery

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def counts(base: Path) -> dict[Delivery, int]:
    import anyio

    from weilink.store import Store

    async def read() -> dict[Delivery, int]:
        async with Store(base) as store:
            return await store.inbox.counts()

    return anyio.run(read)


def wait_counts(base: Path, **expected: int) -> None:
    """Wait until so many messages are `pending`, `claimed`, `delivered`."""
    deadline = time.monotonic() + 20
    while True:
        now = counts(base)
        if all(now.get(Delivery(name), 0) == count for name, count in expected.items()):
            return
        assert time.monotonic() < deadline, now
        time.sleep(0.01)


@pytest.fixture(scope="module")
def shared_phone(sandbox: SandboxProcess) -> Iterator[Phone]:
    """The user of the servers that tests of this module share."""
    with Phone(sandbox.phone.base_url, user="delivery") as phone:
        yield phone


@pytest.fixture(scope="module")
def shared_env(shared_phone: Phone, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    base = tmp_path_factory.mktemp("delivery") / "base"
    log_in(base, shared_phone)
    return environment(base, shared_phone.environment)


@pytest.fixture(scope="module")
def leader(shared_env: dict[str, str], shared_phone: Phone) -> Iterator[Stdio]:
    """A server over stdio that the tests leave as it was, and the one that polls."""
    base = Path(shared_env["WEILINK_BASE_PATH"])
    started = Stdio(shared_env, log=base.parent / "stdio.log")
    started.handshake()
    shared_phone.wait_polling()
    yield started
    started.close()


@pytest.fixture(scope="module")
def over_http(shared_env: dict[str, str], leader: Stdio) -> Iterator[Http]:
    """A server over HTTP on the same base path."""
    started = Http(shared_env, log=leader.base.parent / "http.log")
    yield started
    started.close()


@pytest.fixture
def delivered(leader: Stdio) -> int:
    """How many messages were delivered before this test; nothing else is there."""
    while leader.call("recv", timeout=0)["messages"]:
        pass
    wait_counts(leader.base, claimed=0, pending=0)
    return counts(leader.base).get(Delivery.DELIVERED, 0)


def test_acknowledged_once_read(leader: Stdio, shared_phone: Phone, delivered: int) -> None:
    shared_phone.write("one")
    assert [m["text"] for m in leader.call("recv", timeout=10)["messages"]] == ["one"]
    wait_counts(leader.base, delivered=delivered + 1, claimed=0)
    assert leader.call("recv", timeout=0) == {"messages": [], "waiting": 0, "problems": []}


@pytest.mark.parametrize("over_socket", [False, True], ids=["pipe", "socket"])
def test_not_acknowledged_while_unread(
    stdio: Starter, phone: Phone, base: Path, over_socket: bool
) -> None:
    client = stdio(over_socket=over_socket)
    phone.wait_polling()
    phone.write("one")
    client.start("tools/call", name="recv", arguments={"timeout": 10})
    wait_counts(base, claimed=1)
    # The client closes its end with the result still on the wire.
    assert client.end() == 0
    # The next reader gets it, as test_killed_in_the_middle shows.
    wait_counts(base, pending=1, claimed=0, delivered=0)


@pytest.mark.slow
def test_killed_in_the_middle(stdio: Starter, phone: Phone) -> None:
    client = stdio()
    phone.wait_polling()
    phone.write("one")
    client.start("tools/call", name="recv", arguments={"timeout": 10})
    wait_counts(client.base, claimed=1)
    client.kill()
    # Nobody could release it: the lease ends by itself.
    assert [m["text"] for m in stdio().call("recv", timeout=30)["messages"]] == ["one"]


def post(server: Http, body: dict[str, object], **headers: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/mcp", json.dumps(body), {**ACCEPT, **headers})
    return connection


def recv(timeout: float, *, modern: bool) -> dict[str, object]:
    params: dict[str, object] = {"name": "recv", "arguments": {"timeout": timeout}}
    if modern:
        params["_meta"] = ENVELOPE
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


MODERN = {
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "recv",
}


def session(server: Http) -> dict[str, str]:
    """Do the handshake of the older revisions and return the headers of its session."""
    params = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "0"},
    }
    connection = post(server, {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
    with contextlib.closing(connection):
        answer = connection.getresponse()
        answer.read()
    headers = {
        "Mcp-Session-Id": answer.headers["Mcp-Session-Id"],
        "MCP-Protocol-Version": "2025-06-18",
    }
    post(server, {"jsonrpc": "2.0", "method": "notifications/initialized"}, **headers).close()
    return headers


def texts(connection: http.client.HTTPConnection) -> list[str]:
    with contextlib.closing(connection):
        body = connection.getresponse().read().decode()
    line = next(line for line in body.splitlines() if '"result"' in line)
    result = json.loads(line.removeprefix("data:"))["result"]["structuredContent"]
    return [message["text"] for message in result["messages"]]


@pytest.mark.parametrize("modern", [True, False], ids=["2026-07-28", "2025-06-18"])
def test_client_over_http_gone_while_waiting(
    over_http: Http, shared_phone: Phone, delivered: int, modern: bool
) -> None:
    server, phone = over_http, shared_phone
    earlier = server.log_text().count("a client is gone")
    headers = MODERN if modern else session(server)
    gone = post(server, recv(60, modern=modern), **headers)
    # Proves that the server is in the call: the same client is answered meanwhile.
    other = post(server, recv(0, modern=modern), **headers)
    assert texts(other) == []
    assert isinstance(gone.sock, socket.socket)
    gone.sock.shutdown(socket.SHUT_RDWR)
    gone.close()
    server.wait_log(r"(?s)" + "a client is gone.*" * (earlier + 1))
    phone.write("for whoever is there")
    there = post(server, recv(20, modern=modern), **headers)
    assert texts(there) == ["for whoever is there"]
    wait_counts(server.base, delivered=delivered + 1, claimed=0)


@pytest.mark.parametrize(
    "modern",
    [
        pytest.param(True, id="2026-07-28"),
        pytest.param(False, id="2025-06-18", marks=pytest.mark.slow),
    ],
)
def test_acknowledged_over_http(
    over_http: Http, shared_phone: Phone, delivered: int, modern: bool
) -> None:
    server = over_http
    shared_phone.write("one")
    headers = MODERN if modern else session(server)
    assert texts(post(server, recv(20, modern=modern), **headers)) == ["one"]
    wait_counts(server.base, delivered=delivered + 1, claimed=0)


def test_cancelled_call_takes_nothing(leader: Stdio, shared_phone: Phone, delivered: int) -> None:
    client, phone = leader, shared_phone
    waiting = client.start("tools/call", name="recv", arguments={"timeout": 60})
    client.call("sessions")
    client.write(
        {
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": waiting},
        }
    )
    phone.write("one")
    (message,) = client.call("recv", timeout=20)["messages"]
    assert message["text"] == "one"


@pytest.mark.slow
def test_a_long_queue_comes_in_pieces(stdio: Starter, phone: Phone) -> None:
    client = stdio()
    phone.wait_polling()
    phone.write_all([f"{n} " + "x" * 5_000 for n in range(20)])
    phone.wait_for(author="user", count=20, acknowledged=True)
    came: list[str] = []
    sizes = []
    while len(came) < 20:
        result = client.call("recv", timeout=10)
        assert result["messages"]
        came += [message["text"].partition(" ")[0] for message in result["messages"]]
        sizes.append(sum(len(message["text"]) for message in result["messages"]))
        assert result["waiting"] == 20 - len(came)
    assert came == [str(n) for n in range(20)]
    assert max(sizes) <= 40_000


@pytest.mark.parametrize("where", ["leader", "follower"])
def test_a_waiting_call_ends_with_the_message(
    leader: Stdio, over_http: Http, shared_phone: Phone, delivered: int, where: str
) -> None:
    if where == "leader":
        waiting = leader.start("tools/call", name="recv", arguments={"timeout": 60})
        leader.call("sessions")
    else:
        asked = post(over_http, recv(60, modern=True), **MODERN)
        # The same server answers this only when it has taken the other.
        assert texts(post(over_http, recv(0, modern=True), **MODERN)) == []
    shared_phone.write("now")
    began = time.monotonic()
    if where == "leader":
        result = leader.wait(waiting)["result"]["structuredContent"]
        assert [message["text"] for message in result["messages"]] == ["now"]
    else:
        # Through another process's poll, the database and a notice of the file system.
        assert texts(asked) == ["now"]
    assert time.monotonic() - began < 5
