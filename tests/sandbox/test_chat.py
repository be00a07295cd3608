"""Receiving and sending, on the wire."""

from __future__ import annotations

from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone


def test_a_text_goes_there_and_an_answer_comes_back(phone: Phone, wire: Wire) -> None:
    written = phone.write("在吗？")
    (message,) = wire.updates()["msgs"]
    assert message["item_list"] == [{"type": 1, "text_item": {"text": "在吗？"}}]
    assert str(message["message_id"]) == written.message_id
    assert message["message_type"] == 1
    answer = wire.send("在。", message["context_token"], "c1")
    assert answer["ret"] == 0
    (shown,) = phone.wait_for("在。")
    assert (shown.message_id, shown.client_id) == (str(answer["message_id"]), "c1")
    assert phone.lab.violations() == []
