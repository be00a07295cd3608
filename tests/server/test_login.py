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

from tests.server.clients import Http, Stdio, environment
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


@pytest.mark.parametrize("name", ["", "工作"])
def test_a_login_that_has_ended_is_cured_without_force(
    stdio: Starter, env: dict[str, str], phone: Phone, name: str
) -> None:
    client = stdio()
    phone.wait_polling()
    phone.lab.make_stale()
    bot = _ended(client)
    begun = client.call("login", session_name=name)
    assert begun["status"] == "pending"
    phone.scan(begun["qr_url"])
    new = phone.confirm(begun["qr_url"]).bot_id
    done = _later(client, "confirmed", name)
    assert done["bot_id"] == new != bot
    assert ("'default' was the older bot" in done["next_step"]) is bool(name)
    (session,) = client.call("sessions")["sessions"]
    assert (session["bot_id"], session["connected"]) == (new, True)


def _ended(client: Stdio) -> str:
    """Wait until the poller has been told that the login is stale; return the bot's id."""
    for _ in range(100):
        (session,) = client.call("sessions")["sessions"]
        if not session["connected"]:
            return str(session["bot_id"])
        client.call("recv", timeout=0.1)
    raise AssertionError("nothing was found wrong with the bot")


def _later(client: Stdio, status: str, name: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for _ in range(5):
        result = client.call("login", session_name=name, timeout=10)
        if result["status"] == status:
            break
    assert result["status"] == status
    return result


def test_force_gives_a_login_that_works_another_one(
    stdio: Starter, env: dict[str, str], phone: Phone
) -> None:
    client = stdio()
    before = phone.bot().bot_id
    begun = client.call("login", force=True)
    phone.scan(begun["qr_url"])
    assert client.call("login", timeout=10)["status"] == "scanned"
    new = phone.confirm(begun["qr_url"]).bot_id
    assert _later(client, "confirmed")["bot_id"] == new != before


def test_an_account_whose_bot_is_here_already(
    stdio: Starter, env: dict[str, str], phone: Phone
) -> None:
    client = stdio()
    begun = client.call("login", session_name="home")
    phone.scan(begun["qr_url"])
    result = client.call("login", session_name="home", timeout=10)
    assert (result["status"], result["session_name"]) == ("confirmed", "default")
    assert result["bot_id"] == phone.bot().bot_id
    assert "force=true" in result["next_step"]


@pytest.mark.slow
def test_calls_at_once_are_one_login(stdio: Starter, anew: dict[str, str], phone: Phone) -> None:
    client = stdio(env=anew)
    # The service is slow, so that both are there before it answers.
    phone.lab.fault("delay", "*/get_bot_qrcode", 1.0)
    both = [client.start("tools/call", name="login", arguments={"timeout": 0.2}) for _ in range(2)]
    shown = [client.wait(one)["result"]["structuredContent"] for one in both]
    assert [one["status"] for one in shown] == ["pending", "pending"]
    assert shown[0]["qr_url"] == shown[1]["qr_url"]
    # One that waits long holds up no other for longer than that asked for.
    waiting = client.start("tools/call", name="login", arguments={"timeout": 60})
    assert client.call("login", timeout=0.3)["status"] == "pending"
    phone.scan(shown[0]["qr_url"])
    assert client.wait(waiting)["result"]["structuredContent"]["status"] == "scanned"
    two = [client.start("tools/call", name="login", arguments={"timeout": 20}) for _ in range(2)]
    bot = phone.confirm(shown[0]["qr_url"])
    done = [client.wait(one)["result"]["structuredContent"] for one in two]
    assert {(one["status"], one["bot_id"]) for one in done} == {("confirmed", bot.bot_id)}


@pytest.mark.parametrize(
    ("kind", "value"), [("status", 500), ("bad_json", None), ("answer", {"ret": 0}), ("drop", None)]
)
@pytest.mark.slow
def test_no_code_to_show(
    stdio: Starter, anew: dict[str, str], phone: Phone, kind: Any, value: Any
) -> None:
    client = stdio(env=anew)
    phone.lab.fault(kind, "*/get_bot_qrcode", value)
    assert "call login again" in client.fail("login")
    assert client.call("login")["status"] == "pending"


@pytest.mark.slow
def test_a_service_that_goes_away(stdio: Starter, anew: dict[str, str], phone: Phone) -> None:
    client = stdio(env=anew)
    first = client.call("login")
    number = phone.lab.fault("drop", "*/get_qrcode_status", times=None)
    try:
        said = client.fail("login", timeout=30)
    finally:
        phone.lab.clear_faults(number)
    assert "call login again" in said
    again = client.call("login")
    assert again["status"] == "pending"
    assert again["qr_url"] != first["qr_url"]


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


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("action", ["decline", "cancel", "too often"])
def test_a_number_that_the_person_does_not_give(
    server: Http, phone: Phone, mode: Any, action: Any
) -> None:
    phone.lab.set_options(pair_code=True)
    name = f"{mode}-{action}".replace(" ", "-")

    async def ask(context: object, params: ElicitRequestParams) -> ElicitResult:
        if action == "too often":
            return ElicitResult(action="accept", content={"code": "no"})
        return ElicitResult(action=action)

    async def body() -> dict[str, Any]:
        async with Client(f"{server.url}/mcp", mode=mode, elicitation_callback=ask) as client:
            begun = (await client.call_tool("login", {"session_name": name})).structured_content
            assert begun is not None
            await anyio.to_thread.run_sync(phone.scan, begun["qr_url"])
            result = await client.call_tool("login", {"session_name": name, "timeout": 20})
            return dict(result.structured_content or {})

    try:
        result = anyio.run(body)
    finally:
        phone.lab.set_options(pair_code=False)
    if action == "too often":
        assert result["status"] == "expired"
        assert "Too many wrong numbers" in result["next_step"]
    else:
        assert result["status"] == "need_code"
        assert "call again" in result["next_step"]
        assert "terminal" not in result["next_step"]
