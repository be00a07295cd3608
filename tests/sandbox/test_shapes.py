"""JSON of any shape gets an answer, never a crash."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess

KEYS = (
    *("msg", "item_list", "type", "text_item", "text", "file_item", "media", "aes_key", "aeskey"),
    *("to_user_id", "client_id", "context_token", "get_updates_buf", "base_info", "rawsize"),
    *("filesize", "media_type", "filekey", "ilink_user_id", "typing_ticket", "status"),
    *("user", "bot", "messages", "items", "quote", "message_id", "qrcode", "path", "kind"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)
ENDPOINTS = (
    *("/ilink/bot/getupdates", "/ilink/bot/sendmessage", "/ilink/bot/getuploadurl"),
    *("/ilink/bot/getconfig", "/ilink/bot/sendtyping", "/ilink/bot/msg/notifystart"),
    *("/ilink/bot/get_bot_qrcode", "/_sandbox/messages", "/_sandbox/faults", "/_sandbox/bots"),
    *("/_sandbox/logins/scan", "/_sandbox/clock", "/_sandbox/tokens/expire"),
)


def test_json_of_any_shape(sandbox: SandboxProcess) -> None:
    with Phone(sandbox.phone.base_url, user="shapes") as phone:
        phone.lab.set_options(longpoll_seconds=0)
        client = Wire(phone, phone.lab.new_bot())
        headers = {"Authorization": f"Bearer {client.token}"}

        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        @given(path=st.sampled_from(ENDPOINTS), body=st.dictionaries(st.sampled_from(KEYS), VALUES))
        def ask(path: str, body: dict[str, Any]) -> None:
            answer: httpx.Response = http.post(path, content=json.dumps(body), headers=headers)
            assert answer.status_code in (200, 400), (path, body)
            assert isinstance(answer.json(), dict)
            if path == "/_sandbox/faults":
                phone.lab.clear_faults()
            assert phone.state().version

        with client.http as http:
            ask()
        phone.chat()


def test_items_of_any_shape_in_a_message_that_is_otherwise_right(phone: Phone, wire: Wire) -> None:
    phone.write("question")
    context = wire.context()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        kind=st.sampled_from([1, 2, 3, 4, 5, 11, 12, 13, "1", None, True]),
        part=st.sampled_from(["text_item", "image_item", "file_item", "ref_msg"]),
        value=VALUES,
    )
    def send(kind: Any, part: str, value: Any) -> None:
        item = {"type": kind, part: value}
        assert wire.send("", context, "same", {"item_list": [item]})["ret"] in (0, -2)

    phone.lab.set_options(replies_per_token=1, dedupe_client_id=False)
    send()
    phone.chat()
