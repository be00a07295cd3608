from __future__ import annotations

import hashlib
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.conftest import leading, stored, written
from weilink.errors import UsageError
from weilink.sandbox.phone import Phone
from weilink.server.showing import message_out
from weilink.service import Service
from weilink.service.reading import read_message
from weilink.store.history import Query
from weilink.store.models import Direction, PartState, StoredMessage

pytestmark = pytest.mark.anyio

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "message_id from_user_id client_id create_time_ms group_id context_token message_type seq "
    "session_id"
)
FIELDS = dict.fromkeys(NAMES.split(), JSON)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "type": JSON,
        "text_item": st.fixed_dictionaries({}, optional={"text": JSON}) | JSON,
        "image_item": st.fixed_dictionaries({}, optional={"media": JSON, "aeskey": JSON}) | JSON,
        "file_item": st.fixed_dictionaries({}, optional={"len": JSON, "file_name": JSON}) | JSON,
        "ref_msg": st.fixed_dictionaries({}, optional={"svr_id": JSON, "message_item": JSON})
        | JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({}, optional={**FIELDS, "item_list": st.lists(ITEM | JSON) | JSON}) | JSON
)
def test_whatever_comes_is_kept(raw: Any) -> None:
    message = read_message(raw)
    if message is None:
        assert raw["message_type"] == 2
    else:
        assert message.message_id
        assert message.raw == (raw if isinstance(raw, dict) else {"unreadable": raw})


def test_one_bad_field_loses_that_field_only() -> None:
    raw = {
        "message_id": 2**64 - 1,
        "from_user_id": "u@im.wechat",
        "seq": "many",
        "context_token": "ct",
        "item_list": [
            {"type": 1, "text_item": {"text": "kept"}},
            {"type": 2, "image_item": "broken"},
            {"type": 99, "new_item": {}},
            "no item",
        ],
    }
    message = read_message(raw)
    assert message is not None
    assert message.message_id == "18446744073709551615"
    assert (message.user_id, message.context_token) == ("u@im.wechat", "ct")
    assert message.text.splitlines()[0] == "kept"
    assert "type 99" in message.text


def test_a_bad_field_costs_nothing_beside_it() -> None:
    raw = {
        "message_id": 1,
        "item_list": [
            {"type": 1, "text_item": {"text": "kept"}, "ref_msg": {"svr_id": {}, "title": "too"}},
            {"type": 4, "file_item": {"file_name": "a.txt", "len": []}},
            {"type": 3, "voice_item": {"playtime": "long", "media": {"aes_key": "k"}}},
        ],
    }
    message = read_message(raw)
    assert message is not None
    assert message.text == "kept\n[file: a.txt]\n[voice message, download id 1#2]"
    assert message.quote is not None
    assert message.quote.text == "too"


async def test_a_file_beside_something_unreadable_is_there(service: Service, phone: Phone) -> None:
    async with leading(service):
        file = phone.send_media("file", b"content", file_name="1.txt").items[0]
        odd = {"type": 3, "voice_item": {"playtime": "long"}}
        both = phone.write_items([odd, file])
        message = await received(service, both.message_id)
        got = await service.media.download(both.message_id)
    assert got.path.read_bytes() == b"content"
    shown = message_out(message)
    assert (shown.files, shown.media and shown.media.file_name) == (1, "1.txt")


async def test_messages_without_an_id_or_content_are_all_kept(
    service: Service, phone: Phone
) -> None:
    """Zero is how the service's format says that there is none."""
    messages = [
        {"message_id": 0, "client_id": 0, "item_list": [text_item("one")]},
        {"message_id": 0, "client_id": "c", "item_list": [text_item("two")]},
        {"message_id": "0", "item_list": [text_item("three")]},
        {"message_id": 7, "item_list": []},
    ]
    phone.lab.fault("answer", "*/getupdates", {"ret": 0, "msgs": messages})
    async with leading(service):
        await stored(service, "7")
    page = await service.store.history.find(Query())
    assert {m.text for m in page.messages} == {"one", "two", "three", "[message without content]"}


async def received(service: Service, message_id: str) -> StoredMessage:
    await stored(service, message_id)
    found = await service.store.history.get(message_id)
    assert found is not None
    return found


async def test_quotes(service: Service, phone: Phone) -> None:
    async with leading(service):
        first = await written(service, phone, "今天天气很好")
        await service.sender.send_text(phone.user_id(), "the answer of the bot")
        (sent,) = await anyio.to_thread.run_sync(lambda: phone.wait_for())
        for style in ("inline", "id"):
            message = phone.write("why?", quote=sent.message_id, quote_style=style)
            quote = (await received(service, message.message_id)).quote
            assert quote is not None
            assert quote.text == "the answer of the bot"
            if style == "id":
                assert quote.direction is Direction.SENT
        message = phone.write("really", quote=first, quote_style="partial", quote_part="天气")
        quote = (await received(service, message.message_id)).quote
        assert quote is not None
        assert (quote.text, quote.part, quote.user_id) == ("今天天气很好", "天气", phone.user_id())
        gone = phone.write_items(
            [{"type": 1, "text_item": {"text": "x"}, "ref_msg": {"svr_id": 2**63 + 5}}]
        )
        quote = (await received(service, gone.message_id)).quote
        assert quote is not None
        assert (quote.message_id, quote.text) == (str(2**63 + 5), "")


def text_item(text: str, **more: Any) -> dict[str, Any]:
    return {"type": 1, "text_item": {"text": text}, **more}


async def test_older_quotes_tell_a_summary_and_an_id(service: Service, phone: Phone) -> None:
    """`title` is a summary to the official client 2.4.9, and a quoted item has an id."""
    async with leading(service):
        first = await written(service, phone, "今天天气很好")
        for reference, expected in (
            ({"title": "Bob: see you"}, ("", "", "Bob: see you")),
            ({"title": "Bob", "message_item": text_item("body")}, ("", "", "Bob | body")),
            ({"title": "bo", "message_item": text_item("body")}, ("", "", "body")),
            ({"title": "Bob: body", "message_item": text_item("body")}, ("", "", "Bob: body")),
            (
                {"message_item": text_item("今天天气很好", msg_id=first)},
                (first, phone.user_id(), "今天天气很好"),
            ),
            ({"svr_id": 0, "title": "summary"}, ("", "", "summary")),
        ):
            message = phone.write_items([text_item("see", ref_msg=reference)])
            quote = (await received(service, message.message_id)).quote
            assert quote is not None
            assert (quote.message_id, quote.user_id, quote.text) == expected


async def test_an_id_shows_nothing_of_another_conversation(service: Service, phone: Phone) -> None:
    bot = phone.bot().bot_id

    async def quoting(quoted: str, **where: str) -> str:
        message = phone.write("?", bot=bot, quote=quoted, quote_style="id", **where)
        quote = (await received(service, message.message_id)).quote
        assert quote is not None
        assert quote.message_id == quoted
        return quote.text

    async with leading(service):
        secret = await written(service, phone, "the password is 1234")
        group = phone.write("to all", group_id="g@chatroom").message_id
        await received(service, group)
        assert await quoting(secret) == "the password is 1234"
        assert await quoting(secret, user="mallory") == ""
        assert await quoting(secret, user="mallory", group_id="g@chatroom") == ""
        assert await quoting(group, user="mallory", group_id="g@chatroom") == "to all"
        assert await quoting(group, user="mallory") == ""


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (("two", "two", 1, 1, "two"), "two"),
        (("two", "three", 1, 0, ""), "two; three"),
        (("one", "two", 0, 1, "one two, two"), "one two, two"),
        # Some phones count the end from behind the start.
        (("two", ";", 1, 0, "two;"), "two;"),
        (("two", "two", 0, 0, "two, two"), "two, two"),
        (("好", "好", 1, 1, "好"), "好"),
        # What cannot be told apart is the whole.
        (("two", "three", 0, 0, "else"), ""),
        (("two", "one", 0, 0, ""), ""),
        (("two", "two", 7, 7, ""), ""),
        (("two", "two", -1, 0, ""), ""),
        (("", "", 0, 0, ""), ""),
    ],
)
async def test_a_part_is_found_as_the_official_client_does(
    service: Service, phone: Phone, part: tuple[str, str, int, int, str], expected: str
) -> None:
    start, end, first, last, selected = part
    partial: dict[str, Any] = {"start": start, "end": end, "startindex": first, "endindex": last}
    if selected:
        partial["quotemd5"] = hashlib.md5(selected.encode()).hexdigest().upper()
    async with leading(service):
        quoted = await written(service, phone, "one two, two; three 好不好")
        reference = {"svr_id": quoted, "partial_text": partial}
        message = phone.write_items([text_item("?", ref_msg=reference)])
        quote = (await received(service, message.message_id)).quote
    assert quote is not None
    assert (quote.text, quote.part) == ("one two, two; three 好不好", expected)


async def test_a_quote_that_comes_before_the_answer_to_what_it_quotes(
    service: Service, phone: Phone
) -> None:
    """The phone shows what was sent; that it was taken is heard only later."""
    async with leading(service):
        await written(service, phone)
        phone.lab.fault("lost_answer", "*/sendmessage", times=2)
        result = await service.sender.send_text(phone.user_id(), "seen at once")
        assert result.parts[0].state is PartState.QUEUED
        (seen,) = phone.chat(author="bot")
        message = phone.write("what?", quote=seen.message_id, quote_style="id")
        await received(service, message.message_id)
        with anyio.fail_after(20):
            while await service.store.outbox.unsettled():
                with anyio.move_on_after(0.2):
                    await service.changes.next.wait()
        quote = (await received(service, message.message_id)).quote
    assert quote is not None
    assert (quote.text, quote.direction) == ("seen at once", Direction.SENT)


async def test_voice_groups_and_several_items(service: Service, phone: Phone) -> None:
    async with leading(service):
        voice = phone.send_media("voice", b"\x02#!SILK_V3", text="帮我看看日志")
        assert (await received(service, voice.message_id)).text.endswith("帮我看看日志")
        group = phone.write("in a group", group_id="g1@chatroom")
        assert (await received(service, group.message_id)).group_id == "g1@chatroom"
        one = phone.send_media("file", b"first", file_name="1.txt").items[0]
        two = phone.send_media("file", b"second", file_name="2.txt").items[0]
        both = phone.write_items([{"type": 1, "text_item": {"text": "two files"}}, one, two])
        message = await received(service, both.message_id)
        assert message.msg_type == "FILE"
        assert message.text == (
            f"two files\n[file: 1.txt]\n[file: 2.txt, download id {both.message_id}#2]"
        )
        got = await service.media.download(f"{both.message_id}#2")
        assert got.path.read_bytes() == b"second"
        assert int(message.message_id) > 2**53


async def test_how_long_voices_and_videos_are(service: Service, phone: Phone) -> None:
    async with leading(service):
        for kind in ("voice", "video"):
            sent = phone.send_media(kind, b"data", duration_ms=7000)
            shown = message_out(await received(service, sent.message_id))
            assert shown.media is not None
            assert (shown.media.kind, shown.media.seconds) == (kind.upper(), 7.0)
        # It must not be what ends every `recv`.
        endless = {"playtime": 10**400, "media": {}}
        voice = phone.write_items([{"type": 3, "voice_item": endless}])
        shown = message_out(await received(service, voice.message_id))
        assert shown.media is not None
        assert shown.media.seconds > 0


async def test_a_prompt_says_what_is_quoted(service: Service, phone: Phone) -> None:
    async with leading(service):
        first = await written(service, phone, 'the "first" <b>' + "长" * 500)
        claim = await service.claims.receive("test", 5)
        assert claim is not None
        await service.claims.acknowledge(claim.id)
        message = phone.write("see above", quote=first, quote_style="id", group_id="g@chatroom")
        await stored(service, message.message_id)
        handover = await service.claims.envelope("test", 10_000, len)
    assert handover is not None
    assert ' group="g@chatroom" quotes="the &quot;first&quot; &lt;b>长长' in handover.text
    assert len(handover.text) < 1500


async def test_a_prompt_tells_by_which_id_a_quoted_picture_is_had(
    service: Service, phone: Phone
) -> None:
    async with leading(service):
        picture = phone.send_media("image", b"\x89PNG\r\n\x1a\n" + bytes(50))
        asked = phone.write("what is it?", quote=picture.message_id, quote_style="id")
        await stored(service, asked.message_id)
        handover = await service.claims.envelope("test", 10_000, len)
        assert handover is not None
        assert f' quotes="[picture]" quotes-id="{picture.message_id}">' in handover.text
        assert handover.text.count("quotes-id") == 1
        with pytest.raises(UsageError, match=f"TEXT; it quotes message '{picture.message_id}'"):
            await service.media.download(asked.message_id)
        got = await service.media.download(picture.message_id)
    assert got.size == 58
