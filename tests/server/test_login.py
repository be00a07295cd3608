"""Logging in through the tools, with and without a pair code, by clients of all kinds."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.types import CallToolResult, ElicitRequestFormParams, ElicitRequestParams, ElicitResult

from tests.server.clients import Http, environment
from tests.server.conftest import Starter
from weilink.qr import qr_png
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess


@pytest.fixture
def anew(base: Path, phone: Phone) -> dict[str, str]:
    """The environment of a base path on which nobody is logged in."""
    return environment(base, phone.environment)


def test_login(stdio: Starter, anew: dict[str, str], phone: Phone, base: Path) -> None:
    client = stdio(env=anew)
    first = client.ask("tools/call", name="login", arguments={})
    begun = first["structuredContent"]
    assert (begun["status"], begun["session_name"]) == ("pending", "default")
    picture = next(part for part in first["content"] if part["type"] == "image")
    assert base64.b64decode(picture["data"]) == qr_png(begun["qr_url"])
    # Not the newest code of this WeChat: other tests have shown theirs.
    qrcode = begun["qr_url"]
    assert client.call("login", timeout=0.2)["status"] == "pending"
    phone.scan(qrcode)
    assert client.call("login", timeout=10)["status"] == "scanned"
    waiting = client.start("tools/call", name="login", arguments={"timeout": 20})
    bot = phone.confirm(qrcode)
    done = client.wait(waiting)["result"]["structuredContent"]
    assert (done["status"], done["bot_id"]) == ("confirmed", bot.bot_id)
    assert bot.token not in client.log_text()
    assert (base / "default" / "token.json").stat().st_mode & 0o777 == 0o600
    again = client.call("login")
    assert again["status"] == "confirmed"
    assert "Already" in again["next_step"]
    phone.wait_polling()
    anew_again = client.call("login", force=True)
    assert anew_again["status"] == "pending"
    phone.decline(anew_again["qr_url"])
    assert client.call("login", timeout=10)["status"] == "expired"
    assert client.call("login", force=True)["status"] == "pending"


@pytest.mark.slow
def test_pair_code_without_a_way_to_ask(stdio: Starter, anew: dict[str, str], phone: Phone) -> None:
    phone.lab.set_options(pair_code=True)
    try:
        client = stdio(env=anew)
        begun = client.call("login", session_name="work")
        phone.scan(begun["qr_url"])
        result = client.call("login", session_name="work", timeout=10)
    finally:
        phone.lab.set_options(pair_code=False)
    assert result["status"] == "need_code"
    assert "weilink login work" in result["next_step"]


@pytest.fixture(scope="module")
def server(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    """A server on which nobody is logged in as `default`."""
    folder = tmp_path_factory.mktemp("login")
    started = Http(environment(folder / "base", sandbox.phone.environment), log=folder / "log")
    yield started
    started.close()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_pair_code_through_the_client(server: Http, phone: Phone, mode: Any) -> None:
    phone.lab.set_options(pair_code=True)
    asked: list[str] = []
    codes: list[str] = []

    async def ask(context: object, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        asked.append(params.message)
        # Wrong at first, as people type.
        code = codes[0] if len(asked) > 1 else str((int(codes[0]) + 1) % 1_000_000)
        return ElicitResult(action="accept", content={"code": code})

    async def body() -> CallToolResult:
        async with Client(f"{server.url}/mcp", mode=mode, elicitation_callback=ask) as client:
            begun = (await client.call_tool("login", {"session_name": mode})).structured_content
            assert begun is not None
            code = await anyio.to_thread.run_sync(phone.scan, begun["qr_url"])
            codes.append(code.pair_code)
            result = CallToolResult(content=[])
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(confirm, begun["qr_url"])
                for _ in range(3):
                    result = await client.call_tool("login", {"session_name": mode, "timeout": 20})
                    assert result.structured_content is not None
                    if result.structured_content["status"] == "confirmed":
                        break
            return result

    async def confirm(url: str) -> None:
        def code_accepted(state: Any) -> bool:
            (login,) = [one for one in state.logins if one.url == url]
            return login.status not in ("wait", "need_verifycode")

        await anyio.to_thread.run_sync(phone.wait_until, code_accepted)
        await anyio.to_thread.run_sync(phone.confirm, url)

    try:
        result = anyio.run(body)
    finally:
        phone.lab.set_options(pair_code=False)
    assert result.structured_content is not None
    assert result.structured_content["status"] == "confirmed"
    assert len(asked) == 2
    assert "not right" in asked[1]
