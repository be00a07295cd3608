"""sendmessage and typing: what is taken, what is refused, what it costs."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.sandbox.wire import Wire, headers
from weilink.sandbox.phone import Phone, PhoneTimeout


@pytest.fixture
def context(phone: Phone, wire: Wire) -> str:
    phone.write("question")
    return wire.context()


def test_an_answer_stands_in_the_chat(phone: Phone, wire: Wire, context: str) -> None:
    waiting: list[Any] = []
    wait = threading.Thread(target=lambda: waiting.extend(phone.wait_for("在。")))
    wait.start()
    answer = wire.send("在。", context, "c1", {"run_id": "r"})
    wait.join(5)
    assert answer["ret"] == 0
    (shown,) = waiting
    assert (shown.message_id, shown.client_id) == (str(answer["message_id"]), "c1")
    assert (shown.author, shown.run_id) == ("bot", "r")
    assert phone.lab.violations() == []


TEXT = {"type": 1, "text_item": {"text": "x"}}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"item_list": []}, "exactly one item"),
        ({"item_list": [TEXT, TEXT]}, "exactly one item"),
        ({"item_list": ["x"]}, "exactly one item"),
        ({"item_list": [{"type": 1, "text_item": "x"}]}, "without text"),
        ({"item_list": [{"type": 77}]}, "unknown"),
        ({"item_list": [{"type": 4, "file_item": {"media": {}}}]}, "no uploaded file"),
        ({"to_user_id": ""}, "to_user_id"),
        ({"to_user_id": "bob@im.wechat"}, "another user"),
        ({"client_id": ""}, "client_id"),
        ({"context_token": ""}, "missing or unknown"),
        ({"context_token": "made up"}, "missing or unknown"),
    ],
)
def test_a_wrong_message_is_refused_without_a_reason(
    phone: Phone, wire: Wire, context: str, changes: dict[str, Any], why: str
) -> None:
    before = phone.conversation().replies_left
    answer = wire.send("x", context, "c", changes)
    assert answer["ret"] == -2
    assert why in phone.lab.refusals()[-1].what
    assert why not in json.dumps(answer)
    assert phone.chat(author="bot") == []
    assert phone.conversation().replies_left == before


def test_a_token_of_another_bot_is_refused(phone: Phone, wire: Wire, context: str) -> None:
    wire.token = phone.lab.new_bot().token
    assert wire.send("x", context, "c")["ret"] == -2


def test_the_eleventh_reply_is_refused_until_the_user_writes(
    phone: Phone, wire: Wire, context: str
) -> None:
    answers = [wire.send(f"{n}", context, f"c{n}")["ret"] for n in range(11)]
    assert answers == [0] * 10 + [-2]
    with pytest.raises(PhoneTimeout):
        phone.wait_for(count=11, timeout=0.1)
    phone.write("more")
    assert phone.conversation().replies_left == 10
    assert wire.send("10", wire.context(), "c10")["ret"] == 0


def test_text_is_limited_in_bytes(wire: Wire, context: str) -> None:
    assert wire.send("字" * 5461 + "x", context, "a")["ret"] == 0
    assert wire.send("字" * 5461 + "xx", context, "b")["ret"] == -2
    assert wire.send("😀\ud800", context, "c")["ret"] == 0


def test_a_token_expires_by_the_clock(phone: Phone, wire: Wire, context: str) -> None:
    ends = phone.conversation().window_ends_ms
    assert abs(ends - phone.state().now_ms - 86_400_000) < 60_000
    phone.lab.advance_clock(86_399 - 60)
    assert wire.send("a", context, "a")["ret"] == 0
    phone.lab.advance_clock(61)
    assert wire.send("b", context, "b")["ret"] == -2
    assert phone.conversation().live_tokens == 0


def test_a_token_expires_on_demand_and_silently_when_asked(
    phone: Phone, wire: Wire, context: str
) -> None:
    assert phone.lab.expire_tokens() == 1
    assert wire.send("a", context, "a")["ret"] == -2
    phone.lab.set_options(silent_when_expired=True)
    assert wire.send("b", context, "b")["ret"] == 0
    assert phone.chat(author="bot") == []


def test_the_same_client_id_shows_once(phone: Phone, wire: Wire, context: str) -> None:
    first = wire.send("once", context, "same")
    phone.lab.expire_tokens()
    assert wire.send("once", context, "same") == first
    assert len(phone.chat(text="once")) == 1


def test_the_same_client_id_shows_twice_when_switched_off(
    phone: Phone, wire: Wire, context: str
) -> None:
    phone.lab.set_options(dedupe_client_id=False)
    first, second = (wire.send("twice", context, "same") for _ in range(2))
    assert first["message_id"] != second["message_id"]
    assert len(phone.chat(client_id="same")) == 2


def test_tool_calls_are_shown(phone: Phone, wire: Wire, context: str) -> None:
    start = {"tool_name": "Bash", "tool_call_id": "1"}
    item = {"type": 11, "tool_call_start_item": start, "is_completed": False}
    assert wire.send("", context, "t1", {"item_list": [item]})["ret"] == 0
    assert phone.wait_for(kind="tool_call")[0].items == [item]


def test_typing_is_seen_and_costs_nothing(phone: Phone, wire: Wire, context: str) -> None:
    body = {"ilink_user_id": phone.user_id(), "context_token": context}
    ticket = wire.post("getconfig", body).json()["typing_ticket"]
    typing = {"ilink_user_id": phone.user_id(), "typing_ticket": ticket}
    assert wire.post("sendtyping", {**typing, "status": 1}).json()["ret"] == 0
    phone.wait_typing()
    assert wire.post("sendtyping", {**typing, "status": 2}).json()["ret"] == 0
    phone.wait_typing(False)
    assert phone.conversation().typing_events == [1, 2]
    assert phone.conversation().replies_left == 10
    phone.lab.set_options(typing_spends_reply=True)
    wire.post("sendtyping", {**typing, "status": 1})
    assert phone.conversation().replies_left == 9
    assert wire.post("sendtyping", {**typing, "typing_ticket": "x"}).json()["ret"] == -2


def test_a_client_says_when_it_comes_and_goes(phone: Phone, wire: Wire) -> None:
    wire.post("msg/notifystart")
    assert phone.bot().online
    wire.post("msg/notifystop")
    assert not phone.bot().online


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"iLink-App-Id": ""}, "iLink-App-Id"),
        ({"iLink-App-ClientVersion": "1.0"}, "ClientVersion"),
        ({"AuthorizationType": ""}, "AuthorizationType"),
        ({"X-WECHAT-UIN": "MTIz!"}, "base64"),
        ({"X-WECHAT-UIN": "NDI5NDk2NzI5Ng=="}, "uint32"),
        ({"Content-Type": "text/plain"}, "Content-Type"),
    ],
)
def test_wrong_headers_are_violations(
    phone: Phone, wire: Wire, changes: dict[str, str], what: str
) -> None:
    assert wire.post("msg/notifystart", **changes).json()["ret"] == 0
    (violation,) = phone.lab.violations()
    assert what in violation.what
    assert violation.path == "/ilink/bot/msg/notifystart"


def test_an_uin_that_is_sent_twice_is_a_violation(phone: Phone, wire: Wire) -> None:
    for _ in range(2):
        wire.post("msg/notifystart", **{"X-WECHAT-UIN": "Nzc3Nzc="})
    assert "same" in phone.lab.violations()[0].what


@pytest.mark.parametrize(
    "info", [None, {}, {"channel_version": "1", "bot_agent": "Ünicode/1"}, {"bot_agent": "a/1"}]
)
def test_a_wrong_base_info_is_a_violation(phone: Phone, wire: Wire, info: Any) -> None:
    wire.post("msg/notifystart", {"base_info": info})
    assert "base_info" in phone.lab.violations()[0].what


def test_a_request_without_a_bearer_is_refused(phone: Phone, wire: Wire) -> None:
    wire.token = ""
    assert wire.updates()["errcode"] == -14
    assert "bearer" in phone.lab.violations()[0].what


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(phone: Phone, wire: Wire, body: bytes) -> None:
    answer = wire.http.post(
        "/ilink/bot/getupdates",
        content=body,
        headers={**headers(wire.token), "Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert "JSON" in phone.lab.violations()[0].what


def test_the_requests_log_holds_no_secrets(phone: Phone, wire: Wire, context: str) -> None:
    wire.qrcode(wire.token)
    wire.send("visible", context, "c9")
    log = phone.lab.requests("*/bot/*")
    text = repr(log)
    assert log[-1].path == "/ilink/bot/sendmessage"
    assert log[-1].body["msg"]["item_list"][0]["text_item"]["text"] == "visible"
    assert wire.token not in text
    assert context not in text
