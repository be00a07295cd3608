"""The HTTP server: who gets in, which transports it speaks, how it ends."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp.client import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from starlette.responses import PlainTextResponse

from tests.server.clients import DEADLINE, ENVELOPE, Http, environment
from tests.server.conftest import HttpStarter, log_in
from weilink.errors import UsageError
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.server.guard import Guard, check_exposure
from weilink.service.leading import is_led

TOKEN = "a-long-random-token-0123456789"
ACCEPT = {"Accept": "application/json, text/event-stream"}
MODERN = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": ENVELOPE}}


def ask(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(timeout=DEADLINE) as client:
        return client.post(f"{url}/mcp", json=LIST, headers={**ACCEPT, **MODERN, **headers})


@pytest.fixture
def alone(base: Path) -> dict[str, str]:
    return environment(base)


@pytest.fixture(scope="module")
def shared_phone(sandbox: SandboxProcess) -> Iterator[Phone]:
    with Phone(sandbox.phone.base_url, user="http") as phone:
        yield phone


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shared_phone: Phone) -> Iterator[Http]:
    """A server for tests that leave it as it was, with the bot of `shared_phone`."""
    folder = tmp_path_factory.mktemp("http")
    log_in(folder / "base", shared_phone)
    env = environment(folder / "base", shared_phone.environment)
    started = Http(env, "--admin-port", "0", log=folder / "log")
    yield started
    started.close()


def test_hosts_and_origins(server: Http) -> None:
    own = f"127.0.0.1:{server.port}"
    for host in (own, f"localhost:{server.port}", f"[::1]:{server.port}", "LOCALHOST"):
        assert ask(server.url, Host=host).status_code == 200, host
    for host in (
        "evil.example",
        f"evil.example:{server.port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.1.5",
        "",
        "localhost@evil.example",
        "[::1",
    ):
        assert ask(server.url, Host=host).status_code in (400, 421), host
    assert ask(server.url, Origin=f"http://{own}").status_code == 200
    for origin in ("https://evil.example", "null", "http://localhost:1", "file://"):
        assert ask(server.url, Origin=origin).status_code == 403, origin


def test_everything_is_guarded(server: Http) -> None:
    admin = server.wait_log(r"Admin panel at (\S+)\.")[1]
    with httpx.Client(timeout=DEADLINE) as client:
        for url in (f"{server.url}/", f"{server.url}/sse", f"{server.url}/messages/", f"{admin}/"):
            assert client.get(url, headers={"Host": "evil.example"}).status_code == 421
            assert client.get(url, headers={"Origin": "https://evil.example"}).status_code == 403
        assert "MCP: /mcp" in client.get(server.url).text
        assert "/assets/joined/" in client.get(admin).text
        assert client.get(f"{admin}/api/overview").status_code == 401


def test_token(http: HttpStarter, alone: dict[str, str]) -> None:
    server = http("--log-level", "DEBUG", env={**alone, "WEILINK_TOKEN": TOKEN})
    assert ask(server.url, Authorization=f"Bearer {TOKEN}").status_code == 200
    assert ask(server.url, Authorization=f"bearer {TOKEN}").status_code == 200
    for wrong in (TOKEN, f"Bearer {TOKEN}x", "Bearer", f"Basic {TOKEN}"):
        answer = ask(server.url, Authorization=wrong)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert ask(server.url).status_code == 401
    with httpx.Client(timeout=DEADLINE) as client:
        assert client.get(f"{server.url}/sse").status_code == 401
    server.signal(signal.SIGTERM)
    assert TOKEN not in server.log_text()


def test_a_token_of_any_letters() -> None:
    token = "密码 🙂 a-long-random-token"

    async def body() -> list[int]:
        guard = Guard(PlainTextResponse("in"), "127.0.0.1", token)
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return [
                (await client.get("/", headers={b"Authorization": b"Bearer " + given})).status_code
                for given in (token.encode(), "密码".encode(), b"", b"\xff\xfe")
            ]

    assert anyio.run(body) == [200, 401, 401, 401]


def test_no_listener_for_others_without_a_token(alone: dict[str, str]) -> None:
    done = weilink(alone, "-t", "http", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "0.0.0.0" in done.stderr
    assert "WEILINK_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_loopback() -> None:
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"):
        check_exposure(host, None)
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com", "localhost.example.com", "", "::2"):
        with pytest.raises(UsageError, match="WEILINK_TOKEN"):
            check_exposure(host, None)
        with pytest.raises(UsageError):
            check_exposure(host, "")
        check_exposure(host, "token")


@pytest.mark.slow
def test_for_others_with_a_token(http: HttpStarter, alone: dict[str, str]) -> None:
    server = http("--host", "0.0.0.0", env={**alone, "WEILINK_TOKEN": TOKEN})
    url = f"http://127.0.0.1:{server.port}"
    bearer = f"Bearer {TOKEN}"
    assert ask(url).status_code == 401
    assert ask(url, Authorization=bearer).status_code == 200
    assert ask(url, Authorization=bearer, Host="192.168.1.5:8000").status_code == 200
    assert ask(url, Authorization=bearer, Host=socket.gethostname()).status_code == 200
    assert ask(url, Authorization=bearer, Host="evil.example").status_code == 421


def weilink(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "weilink", "mcp", *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.slow
def test_port_is_taken(alone: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = weilink(alone, "-t", "http", "-p", port)
        admin = weilink(alone, "-t", "http", "-p", "0", "--admin-port", port)
    for run in (done, admin):
        assert run.returncode == 1
        assert f"port {port}" in run.stderr
        assert "--port 0" in run.stderr
        assert "Traceback" not in run.stderr


def test_body_limit(server: Http) -> None:
    big = b" " * (4 * 1024 * 1024 + 1)
    with httpx.Client(timeout=DEADLINE) as client:
        headers = {**ACCEPT, **MODERN, "Content-Type": "application/json"}
        answer = client.post(f"{server.url}/mcp", content=big, headers=headers)
        assert answer.status_code == 413
        assert "file_path" in answer.text
        pieces = client.post(f"{server.url}/mcp", content=iter([big]), headers=headers)
        assert pieces.status_code == 413
        # It goes on for others.
    assert ask(server.url).status_code == 200


@pytest.mark.slow
def test_no_banner_and_quiet(alone: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "weilink", "mcp", "-t", "sse", "-p", str(port), "--no-banner"],
            env={**alone, "WEILINK_LOG_LEVEL": "WARNING"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
        )
    try:
        with httpx.Client(timeout=DEADLINE) as client:
            for _ in range(500):
                try:
                    assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
                    break
                except httpx.ConnectError:
                    process.poll()
                    anyio.run(anyio.sleep, 0.02)
        process.terminate()
        out, _ = process.communicate(timeout=DEADLINE)
    finally:
        # Whatever failed: nobody else would end it.
        process.kill()
        process.communicate()
    assert (process.returncode, out, log.read_text()) == (0, b"", "")


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_clean_end_with_clients(
    http: HttpStarter, phone: Phone, base: Path, number: signal.Signals
) -> None:
    server = http()
    phone.wait_polling()
    phone.lab.clear_journal()

    async def body() -> None:
        async with (
            Client(sse_client(f"{server.url}/sse")) as old,
            Client(streamable_http_client(f"{server.url}/mcp"), mode="legacy") as session,
            anyio.create_task_group() as tasks,
        ):
            for client in (old, session):
                await client.list_tools()
                tasks.start_soon(waiting, client)
            await anyio.to_thread.run_sync(server.signal, number)
            tasks.cancel_scope.cancel()

    async def waiting(client: Client) -> None:
        try:
            await client.call_tool("recv", {"timeout": 600})
        except Exception:  # noqa: BLE001  (whatever the end of the server looks like from here)
            return

    # Likewise: a client may be in the middle of anything.
    with contextlib.suppress(Exception):
        anyio.run(body)
    assert server.process.returncode == 0
    assert "Traceback" not in server.log_text()
    assert "ERROR" not in server.log_text()
    assert not is_led(base)
    assert len(phone.lab.requests("*/notifystop")) == 1


def test_every_transport_at_once(server: Http, shared_phone: Phone) -> None:
    phone = shared_phone
    phone.wait_polling()

    async def body() -> list[Any]:
        mcp, sse = f"{server.url}/mcp", f"{server.url}/sse"
        async with (
            Client(mcp) as modern,
            Client(mcp, mode="legacy") as session,
            Client(sse_client(sse), mode="legacy") as old,
        ):
            seen: list[Any] = []
            for client in (modern, session, old):
                assert len((await client.list_tools()).tools) == 9
                await anyio.to_thread.run_sync(phone.write, f"number {len(seen)}")
                result = await client.call_tool("recv", {"timeout": 20})
                assert result.structured_content is not None
                seen += [m["text"] for m in result.structured_content["messages"]]
            return seen

    assert anyio.run(body) == ["number 0", "number 1", "number 2"]


@pytest.mark.slow
def test_log_holds_no_text(http: HttpStarter, phone: Phone) -> None:
    server = http("--log-level", "DEBUG")
    phone.wait_polling()
    phone.write("the secret of the user")

    async def body() -> str:
        found = ""
        for target in (f"{server.url}/mcp", sse_client(f"{server.url}/sse")):
            async with Client(target, mode="legacy") as client:
                found += str((await client.call_tool("recv", {"timeout": 5})).content)
                await client.call_tool("send", {"to": phone.user_id(), "text": "answer me"})
        return found

    assert "the secret" in anyio.run(body)
    phone.wait_for("answer me", count=2)
    server.signal(signal.SIGTERM)
    assert "DEBUG" in server.log_text()
    assert "the secret" not in server.log_text()
    assert "answer me" not in server.log_text()


@pytest.mark.slow
def test_two_answers_of_one_sse_client_at_the_same_time(http: HttpStarter, phone: Phone) -> None:
    server = http()
    phone.wait_polling()

    async def body() -> None:
        async with Client(sse_client(f"{server.url}/sse"), mode="legacy") as client:
            got: list[str] = []
            came = anyio.Event()

            async def take() -> None:
                result = await client.call_tool("recv", {"timeout": 20})
                assert result.structured_content is not None
                got.extend(m["text"] for m in result.structured_content["messages"])
                came.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(take)
                tasks.start_soon(take)
                await client.list_tools()
                await anyio.to_thread.run_sync(phone.write, "first")
                await came.wait()
                await anyio.to_thread.run_sync(phone.write, "second")
            assert got == ["first", "second"]

    anyio.run(body)
