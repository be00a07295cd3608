"""The QR login as a client meets it."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone, PhoneError, PhoneTimeout


def test_from_wait_to_confirmed(phone: Phone, client: Wire) -> None:
    qr = client.qrcode()
    assert client.status(qr["qrcode"])["status"] == "wait"
    phone.scan(qr["qrcode_img_content"])
    assert client.status(qr["qrcode"])["status"] == "scaned"
    credentials = phone.confirm(qr["qrcode"])
    confirmed = client.status(qr["qrcode"])
    assert confirmed == {
        "ret": 0,
        "status": "confirmed",
        "bot_token": credentials.token,
        "ilink_bot_id": credentials.bot_id,
        "ilink_user_id": phone.user_id(),
        "baseurl": phone.base_url,
    }
    # The answer may have been lost on its way: it is given again.
    assert client.status(qr["qrcode"]) == confirmed
    assert phone.lab.violations() == []


def test_a_status_poll_is_held_until_the_phone_scans(phone: Phone, client: Wire) -> None:
    phone.lab.set_options(login_poll_seconds=20)
    qr = client.qrcode()["qrcode"]
    got: list[str] = []
    poll = threading.Thread(target=lambda: got.append(client.status(qr)["status"]))
    poll.start()
    phone.wait_until(lambda state: any(one.qrcode == qr and one.polls for one in state.logins))
    assert got == []
    phone.scan(qr)
    poll.join(5)
    assert got == ["scaned"]


def test_the_qr_code_shows_a_page_of_the_sandbox(phone: Phone, client: Wire) -> None:
    url = client.qrcode()["qrcode_img_content"]
    assert url.startswith(phone.base_url)
    page = httpx.get(url, trust_env=False)
    assert page.status_code == 200
    assert "/assets/joined/" in page.text
    assert httpx.get(f"{phone.base_url}/q/unknown", trust_env=False).status_code == 404


def test_a_login_lives_five_minutes(phone: Phone, client: Wire) -> None:
    qr = client.qrcode()["qrcode"]
    phone.lab.advance_clock(299)
    assert client.status(qr)["status"] == "wait"
    phone.lab.advance_clock(2)
    assert client.status(qr)["status"] == "expired"
    with pytest.raises(PhoneError, match="expired"):
        phone.scan(qr)


def test_a_declined_login_is_told_as_expired(phone: Phone, client: Wire) -> None:
    qr = client.qrcode()["qrcode"]
    phone.scan(qr)
    phone.decline(qr)
    assert client.status(qr)["status"] == "expired"


def test_the_pair_code_of_the_phone_opens_the_login(phone: Phone, client: Wire) -> None:
    phone.lab.set_options(pair_code=True)
    qr = client.qrcode()["qrcode"]
    code = phone.scan(qr).pair_code
    assert client.status(qr)["status"] == "need_verifycode"
    with pytest.raises(PhoneError, match="need_verifycode"):
        phone.confirm(qr)
    wrong = "000000" if code != "000000" else "000001"
    assert client.status(qr, wrong)["status"] == "need_verifycode"
    assert client.status(qr, code)["status"] == "scaned"
    phone.confirm(qr)
    assert client.status(qr)["status"] == "confirmed"


def test_too_many_wrong_pair_codes_block_the_qr_code(phone: Phone, client: Wire) -> None:
    phone.lab.set_options(pair_code=True, pair_code_attempts=2)
    qr = client.qrcode()["qrcode"]
    code = phone.scan(qr).pair_code
    assert client.status(qr, "no")["status"] == "need_verifycode"
    assert client.status(qr, "no")["status"] == "verify_code_blocked"
    assert client.status(qr, code)["status"] == "verify_code_blocked"


def test_a_redirect_has_to_be_followed(phone: Phone, client: Wire) -> None:
    phone.lab.set_options(redirect=True)
    qr = client.qrcode()["qrcode"]
    phone.scan(qr)
    told = client.status(qr)
    assert told["status"] == "scaned_but_redirect"
    assert client.status(qr)["status"] == "scaned_but_redirect"
    there = f"http://{told['redirect_host']}"
    assert client.status(qr, base_url=there)["status"] == "scaned"
    phone.confirm(qr)
    assert client.status(qr, base_url=there)["status"] == "confirmed"


def test_a_client_that_holds_the_users_token_is_bound_already(phone: Phone, client: Wire) -> None:
    token = phone.lab.new_bot().token
    other = phone.lab.new_bot("somebody-else").token
    qr = client.qrcode(other, token)["qrcode"]
    phone.scan(qr)
    assert client.status(qr)["status"] == "binded_redirect"
    assert phone.bot().live
    strange = client.qrcode(other)["qrcode"]
    assert phone.scan(strange).status == "scaned"


def test_a_new_login_retires_the_older_bot(phone: Phone, wire: Wire) -> None:
    assert wire.updates()["msgs"] == []
    old = phone.bot().bot_id
    qr = wire.qrcode()["qrcode"]
    phone.log_in()
    assert wire.status(qr)["ilink_bot_id"] != old
    assert wire.updates()["errcode"] == -14
    assert wire.post("msg/notifystart").json()["ret"] == -14


def test_waiting_for_a_login_that_does_not_come_ends_in_time(phone: Phone) -> None:
    for login in phone.state().logins:
        if login.status == "wait":
            phone.decline(login.qrcode)
    started = time.monotonic()
    with pytest.raises(PhoneTimeout):
        phone.wait_login(timeout=0.2)
    assert time.monotonic() - started < 3
