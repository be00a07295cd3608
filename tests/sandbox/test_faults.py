"""Faults on demand, as a client meets them."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone, PhoneError

SEND = "*/sendmessage"
UPDATES = "*/getupdates"
# A closed connection shows as its end or as a reset, whichever the kernel sends first.
DROPPED = (httpx.RemoteProtocolError, httpx.ReadError)


@pytest.fixture
def context(phone: Phone, wire: Wire) -> str:
    phone.write("question")
    return wire.context()


def test_an_http_status(wire: Wire, phone: Phone) -> None:
    phone.lab.fault("status", UPDATES, 502)
    assert wire.post("getupdates").status_code == 502
    assert wire.post("getupdates").status_code == 200


def test_a_drop_comes_before_the_work(phone: Phone, wire: Wire, context: str) -> None:
    phone.lab.fault("drop", SEND)
    with pytest.raises(DROPPED):
        wire.send("x", context, "c")
    assert phone.chat(author="bot") == []
    assert phone.lab.requests(SEND)[-1].status is None
    assert phone.lab.requests(SEND)[-1].fault == "drop"


def test_a_lost_answer_comes_after_the_work(phone: Phone, wire: Wire, context: str) -> None:
    phone.lab.fault("lost_answer", SEND)
    with pytest.raises(DROPPED):
        wire.send("x", context, "c")
    assert len(phone.wait_for("x")) == 1
    assert wire.send("x", context, "c")["ret"] == 0
    assert len(phone.chat(author="bot")) == 1


def test_half_a_body(phone: Phone, wire: Wire) -> None:
    phone.write("x")
    phone.lab.fault("half", UPDATES)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        wire.updates()
    assert len(wire.updates()["msgs"]) == 1


def test_json_that_breaks_off(phone: Phone, wire: Wire) -> None:
    phone.lab.fault("bad_json", UPDATES)
    with pytest.raises(ValueError, match="Unterminated"):
        wire.updates()


@pytest.mark.parametrize("work", [False, True])
def test_any_answer(phone: Phone, wire: Wire, context: str, work: bool) -> None:
    phone.lab.fault("answer", SEND, {"ret": -1, "errmsg": "system error"}, work=work)
    assert wire.send("x", context, "c") == {"ret": -1, "errmsg": "system error"}
    assert len(phone.chat(author="bot")) == work


def test_a_delay_and_then_another_fault(phone: Phone, wire: Wire) -> None:
    phone.lab.fault("delay", UPDATES, 0.2)
    phone.lab.fault("status", UPDATES, 500)
    started = time.monotonic()
    assert wire.post("getupdates").status_code == 500
    assert time.monotonic() - started >= 0.2


def test_an_empty_cursor_in_the_answer(phone: Phone, wire: Wire) -> None:
    phone.write("x")
    phone.lab.fault("empty_buf", UPDATES)
    answer = wire.updates()
    assert (len(answer["msgs"]), answer["get_updates_buf"]) == (1, "")


def test_a_batch_that_comes_again(phone: Phone, wire: Wire) -> None:
    phone.write_all(["a", "b"])
    first = wire.updates()
    phone.lab.fault("repeat", UPDATES)
    again = wire.updates(first["get_updates_buf"])
    assert again["msgs"] == first["msgs"]
    phone.write("c")
    assert len(wire.updates(again["get_updates_buf"])["msgs"]) == 1


def test_skip_times_and_lifting(phone: Phone, wire: Wire) -> None:
    number = phone.lab.fault("status", UPDATES, 500, skip=1, times=2)
    statuses = [wire.post("getupdates").status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert phone.lab.faults()[0]["hits"] == 2
    phone.lab.clear_faults(number)
    phone.lab.fault("status", times=None, value=500)
    phone.lab.clear_faults()
    assert wire.post("msg/notifystart").status_code == 200


def test_dice_fall_the_same_with_the_same_seed(phone: Phone, wire: Wire) -> None:
    def run() -> list[int]:
        number = phone.lab.fault("status", value=500, times=None, probability=0.5, seed=7)
        found = [wire.post("msg/notifystart").status_code for _ in range(16)]
        phone.lab.clear_faults(number)
        return found

    first = run()
    assert first == run()
    assert set(first) == {200, 500}


def test_faults_reach_the_cdn_and_leave_the_phone_alone(phone: Phone, wire: Wire) -> None:
    phone.lab.fault("drop", times=None)
    with pytest.raises(DROPPED):
        wire.http.get("/c2c/download?encrypted_query_param=x")
    assert phone.state().messages >= 0


def test_an_impossible_fault_is_refused(phone: Phone) -> None:
    with pytest.raises(PhoneError, match="unknown fault"):
        phone.lab.fault("nonsense")  # type: ignore[arg-type]
    with pytest.raises(PhoneError, match="does not take"):
        phone.lab.fault("status", value="500")
    impossible: list[dict[str, Any]] = [
        {"times": -1}, {"skip": -1}, {"probability": 2}, {"probability": -0.1}, {"times": "2"},
        {"kind": "delay", "value": -1}, {"kind": "empty_buf", "path": "*/sendmessage"},
        {"kind": "status", "value": 200.5}, {"path": ""},
    ]  # fmt: skip
    for change in impossible:
        with pytest.raises(PhoneError):
            phone.lab.fault(**{"kind": "drop", **change})
    assert phone.lab.faults() == []
    with pytest.raises(PhoneError, match="batch_size"):
        phone.lab.set_options(batch_size=0)
    with pytest.raises(PhoneError, match="unknown option 'nonsense'"):
        phone.lab.set_options(nonsense=1)
