from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import anyio
import httpx
import pytest

from tests.service.conftest import leading, log_in, written
from weilink.ilink.client import ILinkClient
from weilink.ilink.errors import AnswerError, NetworkError
from weilink.ilink.login import Login, LoginState
from weilink.sandbox.phone import Phone
from weilink.service import Service, open_service
from weilink.settings import Settings
from weilink.store.models import PartState

pytestmark = pytest.mark.anyio


async def polled(login: Login, *states: LoginState, code: str = "") -> LoginState:
    with anyio.fail_after(10):
        while await login.poll(code) not in states:
            code = ""
    return login.state


async def test_redirect_and_pair_code(settings: Settings, phone: Phone) -> None:
    phone.lab.set_options(redirect=True, pair_code=True)
    async with open_service(settings) as service:
        login = await service.logins.begin("default", service.client_for_login())
        await login.start()
        scanned = phone.scan(login.qr_url)
        await polled(login, LoginState.NEED_CODE)
        await login.poll("000" if scanned.pair_code != "000" else "111")
        assert (login.state, login.code_was_wrong) == (LoginState.NEED_CODE, True)
        await polled(login, LoginState.SCANNED, code=scanned.pair_code)
        assert login._poll_base.startswith("http://localhost:")
        phone.confirm(scanned.qrcode)
        await polled(login, LoginState.CONFIRMED)
        assert login.credentials is not None
        assert login.credentials.bot_id == phone.bot().bot_id
        assert login.credentials.token not in repr(login.credentials)


async def test_a_number_is_asked_for_only_when_the_service_does(
    settings: Settings, phone: Phone
) -> None:
    phone.lab.set_options(pair_code=True)
    async with open_service(settings) as service:
        login = await service.logins.begin("default", service.client_for_login())
        await login.start()
        scanned = phone.scan(login.qr_url)
        await polled(login, LoginState.NEED_CODE)
        await login.poll("000" if scanned.pair_code != "000" else "111")
        assert (login.state, login.code_was_wrong) == (LoginState.NEED_CODE, True)
        # It does not arrive, then the service has no news yet.
        phone.lab.fault("drop", "*/get_qrcode_status")
        await login.poll(scanned.pair_code)
        assert (login.state, login.code_was_wrong) == (LoginState.SCANNED, False)
        await polled(login, LoginState.SCANNED)
        phone.confirm(scanned.qrcode)
        assert await polled(login, LoginState.CONFIRMED, LoginState.NEED_CODE) is (
            LoginState.CONFIRMED
        )


async def test_no_news_after_a_number_is_no_wrong_number(settings: Settings, phone: Phone) -> None:
    phone.lab.set_options(pair_code=True)
    async with open_service(settings) as service:
        login = await service.logins.begin("default", service.client_for_login())
        await login.start()
        phone.scan(login.qr_url)
        await polled(login, LoginState.NEED_CODE)
        phone.lab.fault("answer", "*/get_qrcode_status", {"ret": 0, "status": "wait"})
        assert await login.poll("123") is LoginState.SCANNED
        assert not login.code_was_wrong


async def test_too_many_wrong_codes(settings: Settings, phone: Phone) -> None:
    phone.lab.set_options(pair_code=True, pair_code_attempts=2)
    async with open_service(settings) as service:
        login = await service.logins.begin("default", service.client_for_login())
        await login.start()
        phone.scan(login.qr_url)
        await polled(login, LoginState.NEED_CODE)
        for _ in range(2):
            await login.poll("wrong")
        await polled(login, LoginState.EXPIRED)
        assert login.blocked
        assert login.can_refresh
        first = login.qr_url
        assert await login.start() != first
        assert (login.blocked, login.state) == (False, LoginState.PENDING)


async def test_expired_code(settings: Settings, phone: Phone) -> None:
    async with open_service(settings) as service:
        login = await service.logins.begin("default", service.client_for_login())
        for n in range(3):
            assert login.can_refresh
            await login.start()
            if n == 1:
                phone.lab.advance_clock(301)
            else:
                phone.decline(phone.scan(login.qr_url).qrcode)
            await polled(login, LoginState.EXPIRED)
        assert not login.can_refresh


async def test_already_bound(service: Service, phone: Phone) -> None:
    login = await service.logins.begin("another", service.client_for_login())
    await login.start()
    phone.scan(login.qr_url)
    await polled(login, LoginState.ALREADY_BOUND)
    assert login.credentials is None
    async with leading(service):
        await written(service, phone)
        result = await service.sender.send_text(phone.user_id(), "still good")
        assert result.parts[0].state is PartState.SENT


async def test_a_moment_without_network(settings: Settings, phone: Phone) -> None:
    phone.lab.fault("drop", "*/get_qrcode_status", times=3)
    phone.lab.fault("status", "*/get_qrcode_status", 502)
    phone.lab.fault("bad_json", "*/get_qrcode_status")
    async with open_service(settings) as service:
        await log_in(service, phone)
        assert service.logins.sessions()[0].bot_id == phone.bot().bot_id
    client = ILinkClient("http://127.0.0.1:9")
    async with client:
        login = Login(client)
        login._qrcode, login._deadline = "x", time.monotonic() + 100
        with pytest.raises(NetworkError, match="cannot be reached"):
            for _ in range(10):
                await login.poll()


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "scaned_but_redirect", "redirect_host": "evil.example/path?"},
        {"status": "scaned_but_redirect", "redirect_host": "user@evil.example"},
        {"status": "confirmed", "bot_token": "t", "ilink_bot_id": "b", "baseurl": "http://x"},
        {"status": "confirmed", "bot_token": "t"},
        {"status": ["odd"]},
    ],
)
async def test_answers_that_lie(answer: dict[str, object]) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    async with ILinkClient(
        "https://service", http=httpx.AsyncClient(transport=transport)
    ) as client:
        login = Login(client)
        login._qrcode, login._deadline = "x", time.monotonic() + 100
        with pytest.raises(AnswerError):
            for _ in range(10):
                await login.poll()
        assert login.credentials is None


async def test_several_bots_and_the_newest_login_of_an_account(
    service: Service, phone: Phone
) -> None:
    with Phone(phone.base_url, user=f"{phone.user}-other") as other:
        await log_in(service, other, "other")
        names = {s.name for s in service.logins.sessions()}
        assert names == {"default", "other"}
        tokens = [s.token for s in reversed(service.logins.sessions())]
        login = await service.logins.begin("third", service.client_for_login())
        assert login.local_tokens == tuple(tokens)
        phone.lab.make_stale()
        await log_in(service, phone, "again")
        assert {s.name for s in service.logins.sessions()} == {"again", "other"}
        async with leading(service):
            for one in (phone, other):
                await written(service, one)
                result = await service.sender.send_text(one.user_id(), "hi")
                assert result.parts[0].state is PartState.SENT
                assert one.bot(user=one.user).online


def test_pair_code_on_a_terminal(settings: Settings, phone: Phone, tmp_path: Path) -> None:
    phone.lab.set_options(pair_code=True)
    master, slave = pty.openpty()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "WEILINK_BASE_PATH": str(settings.base_path),
        "WEILINK_LANG": "en",
        "LANG": "C.UTF-8",
        **phone.environment,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "weilink", "login"], env=env, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    scanned = phone.scan(phone.wait_login(20).qrcode)
    _expect(master, "shows on your phone")
    os.write(master, b"999999x\n")
    _expect(master, "not right")
    os.write(master, scanned.pair_code.encode() + b"\n")
    phone.wait_until(
        lambda state: any(
            one.qrcode == scanned.qrcode and one.status == "scaned" for one in state.logins
        )
    )
    phone.confirm(scanned.qrcode)
    _expect(master, "Logged in")
    assert process.wait(20) == 0
    os.close(master)
    token = settings.base_path / "default" / "token.json"
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.parent.stat().st_mode & 0o777 == 0o700


def _expect(master: int, text: str) -> None:
    seen, deadline = "", time.monotonic() + 20
    while text not in seen:
        ready, _, _ = select.select([master], [], [], max(deadline - time.monotonic(), 0))
        assert ready, f"{text!r} did not come: {seen!r}"
        seen += os.read(master, 65536).decode(errors="replace")


async def test_killed_in_the_middle_of_a_new_login(service: Service, phone: Phone) -> None:
    """The login is kept; what waits for the bot before goes out through the new one."""
    async with leading(service):
        await written(service, phone)
    phone.lab.make_stale()
    result = await service.sender.send_text(phone.user_id(), "waits")
    assert result.parts[0].state is PartState.QUEUED
    login = await service.logins.begin("default", service.client_for_login())
    await login.start()
    await anyio.to_thread.run_sync(phone.log_in)
    while login.credentials is None:
        await login.poll()

    async def killed(bot_id: str, new_bot_id: str) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(service.store.outbox, "move", killed)
        await service.logins.complete("default", login.credentials)
    assert [s.bot_id for s in service.logins.sessions()] == [phone.bot().bot_id]
    async with leading(service):
        await written(service, phone, "to the new bot")
        (seen,) = await anyio.to_thread.run_sync(lambda: phone.wait_for("waits"))
    assert seen.bot_id == phone.bot().bot_id
