"""getupdates: long polls, cursors, pollers."""

from __future__ import annotations

import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone


def texts(answer: dict[str, Any]) -> list[str]:
    return [message["item_list"][0]["text_item"]["text"] for message in answer["msgs"]]


def test_a_text_comes_with_all_that_the_protocol_names(phone: Phone, wire: Wire) -> None:
    written = phone.write("在吗？")
    answer = wire.updates()
    (message,) = answer["msgs"]
    assert message["item_list"] == [{"type": 1, "text_item": {"text": "在吗？"}}]
    assert message["from_user_id"] == phone.user_id()
    assert message["to_user_id"] == phone.bot().bot_id
    assert (message["message_type"], message["seq"]) == (1, 1)
    assert str(message["message_id"]) == written.message_id
    assert abs(message["create_time_ms"] - phone.state().now_ms) < 60_000
    assert answer["longpolling_timeout_ms"] == 200
    assert phone.lab.violations() == []


def test_neighbouring_ids_are_the_same_as_doubles(phone: Phone, wire: Wire) -> None:
    phone.write_all(["a", "b", "c"])
    ids = [message["message_id"] for message in wire.updates()["msgs"]]
    assert len(set(ids)) == 3
    assert 2**63 <= min(ids) < max(ids) < 2**64
    assert len({float(one) for one in ids}) < 3


def test_a_poll_is_held_until_a_message_comes(phone: Phone, wire: Wire) -> None:
    phone.lab.set_options(longpoll_seconds=20)
    got: list[dict[str, Any]] = []
    poll = threading.Thread(target=lambda: got.append(wire.updates()))
    poll.start()
    phone.wait_polling()
    phone.write("now")
    poll.join(5)
    assert texts(got[0]) == ["now"]


def test_an_old_cursor_brings_everything_after_it_again(phone: Phone, wire: Wire) -> None:
    start = wire.updates()["get_updates_buf"]
    phone.write_all(["1", "2"])
    first = wire.updates(start)
    phone.write("3")
    assert texts(wire.updates(first["get_updates_buf"])) == ["3"]
    assert texts(wire.updates(start)) == ["1", "2", "3"]
    assert texts(wire.updates()) == ["1", "2", "3"]


def test_a_message_waits_until_a_later_cursor_acknowledges_it(phone: Phone, wire: Wire) -> None:
    phone.write("1")
    cursor = wire.updates()["get_updates_buf"]
    assert phone.bot().waiting == 1
    phone.write("2")
    wire.updates(cursor)
    first, second = phone.chat(author="user")
    assert (first.acknowledged, second.acknowledged) == (True, False)
    assert (first.handed_over, second.handed_over) == (1, 1)
    assert phone.wait_for(author="user", acknowledged=True)[0].text == "1"


def test_batches_are_limited_and_in_order(phone: Phone, wire: Wire) -> None:
    phone.lab.set_options(batch_size=2)
    phone.write_all([str(number) for number in range(5)])
    seen, cursor = [], ""
    while batch := wire.updates(cursor):
        if not batch["msgs"]:
            break
        cursor = batch["get_updates_buf"]
        seen.append(texts(batch))
    assert seen == [["0", "1"], ["2", "3"], ["4"]]


@pytest.mark.parametrize("cursor", ["nonsense", "WzEsMl0=", None, 7])
def test_a_foreign_cursor_is_a_violation_and_starts_anew(
    phone: Phone, wire: Wire, cursor: Any
) -> None:
    phone.write("1")
    assert texts(wire.updates(cursor)) == ["1"]
    assert "get_updates_buf" in phone.lab.violations()[0].what


def test_a_stale_token_is_told_also_to_a_held_poll(phone: Phone, wire: Wire) -> None:
    phone.lab.set_options(longpoll_seconds=20)
    got: list[dict[str, Any]] = []
    poll = threading.Thread(target=lambda: got.append(wire.updates()))
    poll.start()
    phone.wait_polling()
    phone.lab.make_stale()
    poll.join(5)
    assert got[0]["errcode"] == -14
    assert wire.updates()["errcode"] == -14


def test_two_pollers_at_once_are_counted(phone: Phone, wire: Wire) -> None:
    phone.lab.set_options(longpoll_seconds=20)
    polls = [threading.Thread(target=wire.updates) for _ in range(2)]
    for poll in polls:
        poll.start()
    phone.wait_until(lambda state: any(bot.polling == 2 for bot in state.bots))
    phone.write("both")
    for poll in polls:
        poll.join(5)
    assert phone.bot().most_pollers == 2
    assert phone.bot().polling == 0


def test_pollers_after_each_other_are_not_two(phone: Phone, wire: Wire) -> None:
    for _ in range(3):
        wire.updates()
    assert phone.bot().most_pollers == 1
    assert phone.bot().polls == 3


def test_a_poller_that_died_does_not_count(phone: Phone, wire: Wire) -> None:
    phone.lab.set_options(longpoll_seconds=20)
    request = wire.http.build_request(
        "POST",
        "/ilink/bot/getupdates",
        json={"get_updates_buf": ""},
        headers={"Authorization": f"Bearer {wire.token}"},
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    raw = f"POST /ilink/bot/getupdates HTTP/1.1\r\n{head}\r\n".encode() + request.read()
    address = ("127.0.0.1", urlsplit(phone.base_url).port or 0)
    for _ in range(5):
        with socket.create_connection(address) as dying:
            dying.sendall(raw)
            phone.wait_polling()
        # No pause: the next poller is there as soon as the old one is gone.
    phone.write("x")
    wire.updates()
    assert phone.bot().most_pollers == 1


def test_the_bots_own_messages_come_back_when_asked_for(phone: Phone, wire: Wire) -> None:
    phone.lab.set_options(echo_sent=True)
    phone.write("1")
    wire.send("answer", wire.context(), "echo")
    assert [one["message_type"] for one in wire.updates()["msgs"]] == [1, 2]


def test_quotes_in_their_three_styles(phone: Phone, wire: Wire) -> None:
    first = phone.write("one two two three")
    phone.write("inline", quote=first.message_id)
    phone.write("by id", quote=first.message_id, quote_style="id")
    phone.write("part", quote=first.message_id, quote_style="partial", quote_part="two")
    inline, by_id, part = [m["item_list"][0]["ref_msg"] for m in wire.updates()["msgs"][1:]]
    assert inline["message_item"]["text_item"]["text"] == "one two two three"
    assert by_id == {"svr_id": int(first.message_id)}
    # The first "t" of the text to its second "o".
    assert (part["partial_text"]["start"], part["partial_text"]["startindex"]) == ("t", 0)
    assert (part["partial_text"]["end"], part["partial_text"]["endindex"]) == ("o", 1)


def test_items_and_groups_pass_as_they_are(phone: Phone, wire: Wire) -> None:
    items: list[dict[str, Any]] = [{"type": 99, "new_item": {}}, {"type": 1}]
    phone.write_items(items, group_id="g@chatroom")
    (message,) = wire.updates()["msgs"]
    assert (message["item_list"], message["group_id"]) == (items, "g@chatroom")
    assert phone.chat()[0].kind == "unknown"
