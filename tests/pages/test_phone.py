"""The phone page in a real browser: logging in, talking, and who talks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.pages.axe import findings
from tests.pages.conftest import Opener, Words
from tests.pages.samples import HOSTILE
from tests.pages.steps import VIEWS, drawer, log_in, write
from tests.pages.steps import phone as phone
from tests.pages.steps import wire as wire
from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

pytestmark = pytest.mark.browser


@VIEWS
def test_a_conversation_with_everything_in_it(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
    expect(page.get_by_text(say("No bot is logged in"))).to_be_visible()
    assert findings(page) == []
    log_in(wire, page, say)
    chat = page.get_by_role("log")

    # Text, its way to the client, and back.
    write(page, say, "Are you there?")
    expect(chat.get_by_text(say("Waiting for the client"))).to_be_visible()
    got = wire.updates()
    expect(chat.get_by_text(say("Handed over"))).to_be_visible()
    wire.updates(got["get_updates_buf"])
    expect(chat.get_by_text(say("Received"))).to_be_visible()
    context = got["msgs"][0]["context_token"]
    assert got["msgs"][0]["item_list"][0]["text_item"]["text"] == "Are you there?"
    wire.send(HOSTILE, context, "c1")
    expect(chat.get_by_text(HOSTILE)).to_be_visible()
    assert page.evaluate("window.broken") is None

    # Typing, and the tool calls of a run.
    ticket = wire.post(
        "getconfig", {"ilink_user_id": phone.user_id(), "context_token": context}
    ).json()["typing_ticket"]
    typing = {"ilink_user_id": phone.user_id(), "typing_ticket": ticket}
    wire.post("sendtyping", {**typing, "status": 1})
    expect(page.get_by_text(say("is typing …"))).to_be_visible()
    wire.post("sendtyping", {**typing, "status": 2})
    expect(page.get_by_text(say("is typing …"))).to_be_hidden()
    start = {"type": 11, "tool_call_start_item": {"tool_name": "Bash", "tool_call_id": "1"}}
    end = {"tool_name": "Bash", "tool_call_id": "1", "status": "completed"}
    wire.send("", context, "t1", {"item_list": [start], "run_id": "r"})
    calls = page.get_by_role("group", name=say("Tool calls"))
    expect(calls).to_contain_text(say("running"))
    result = {"type": 12, "tool_call_result_item": end}
    wire.send("", context, "t2", {"item_list": [result], "run_id": "r"})
    expect(calls).to_contain_text(say("done"))

    # A quote: the newer way, without the text in it.
    bot_line = page.locator(".line.theirs", has_text="javascript:")
    bot_line.hover()
    bot_line.get_by_role("button", name=say("Quote this message")).click()
    write(page, say, "about that")
    expect(page.locator(".mine .quoted")).to_contain_text("onerror")
    newest = wire.updates(got["get_updates_buf"])["msgs"][-1]
    quoted = newest["item_list"][0]["ref_msg"]["svr_id"]
    assert str(quoted) == phone.chat(author="bot", client_id="c1")[0].message_id

    # When, and how it stands.
    expect(chat.locator("time")).to_have_count(1)
    expect(chat.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d$"))
    drawer(page, say, "State")
    expect(page.get_by_test_id("replies-left")).to_have_text("10")
    assert findings(page) == []
    for tab in ("Wire", "Faults", "Options"):
        drawer(page, say, tab)
        assert findings(page) == []
    drawer(page, say, "Wire")
    expect(page.locator(".exchange").first).to_be_visible()
    assert context not in page.content()
    assert wire.token not in page.content()


@VIEWS
def test_a_part_is_quoted(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
    log_in(wire, page, say)
    write(page, say, "begin")
    got = wire.updates()
    text = "🙂 first part 和第二部分, and the rest"
    wire.send(text, got["msgs"][0]["context_token"], "c1")
    line = page.locator(".line.theirs")
    # What is selected in the bubble is what is quoted.
    line.locator(".bubble").evaluate(
        """(bubble) => {
        const words = bubble.firstChild;
        const range = document.createRange();
        range.setStart(words, words.data.indexOf("first"));
        range.setEnd(words, words.data.indexOf(" 和"));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
    }"""
    )
    line.hover()
    line.get_by_role("button", name=say("Quote this message")).click()
    part = page.get_by_label(say("The part to quote"))
    expect(part).to_have_value("first part")
    assert findings(page) == []
    write(page, say, "what is it?")
    expect(page.locator(".mine .quoted")).to_have_text(say("Quotes:") + "first part")
    # Or it is typed, which needs no mouse; what does not stand there is refused with the reason.
    line.get_by_role("button", name=say("Quote this message")).press("Enter")
    page.get_by_label(say("How to quote")).select_option("partial")
    part.fill("not in it")
    page.get_by_label(say("Write to the bot")).fill("and this?")
    page.keyboard.press("Enter")
    problem = say("What is to be quoted does not stand in the message like that.")
    expect(page.locator(".note.error")).to_have_text(problem)
    part.fill("第二部分")
    page.get_by_role("button", name=say("Send"), exact=True).click()
    expect(page.locator(".mine .quoted").last).to_have_text(say("Quotes:") + "第二部分")
    # As older phones do: the text itself goes along.
    line.get_by_role("button", name=say("Quote this message")).press("Enter")
    page.get_by_label(say("How to quote")).select_option("inline")
    write(page, say, "all of it")
    _, first, second, whole = phone.wait_for(author="user", count=4)
    for message, quoted in ((first, "first part"), (second, "第二部分")):
        found = message.items[0]["ref_msg"]["partial_text"]
        begin = text.index(quoted)
        assert (found["start"], found["startindex"]) == (quoted[0], text[:begin].count(quoted[0]))
        before = text[: begin + len(quoted) - 1]
        assert (found["end"], found["endindex"]) == (quoted[-1], before.count(quoted[-1]))
    assert whole.items[0]["ref_msg"]["message_item"]["text_item"]["text"] == text


@VIEWS
def test_pair_code_and_refused_login(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    phone.lab.set_options(pair_code=True)
    asked = wire.qrcode()
    # The URL that the QR code shows opens the page with that login in front.
    page = open_page(asked["qrcode_img_content"], width=width, lang=lang, dark=dark)
    scan = page.get_by_role("button", name=say("Scan as {user}", user="alice"))
    expect(scan).to_be_focused()
    page.keyboard.press("Enter")
    code = page.get_by_test_id("pair-code")
    expect(code).to_have_text(re.compile(r"^\d{6}$"))
    assert findings(page) == []
    assert wire.status(asked["qrcode"], "wrong")["status"] == "need_verifycode"
    assert wire.status(asked["qrcode"], code.inner_text())["status"] == "scaned"
    page.get_by_role("button", name=say("Cancel")).click()
    assert wire.status(asked["qrcode"])["status"] == "expired"
    expect(
        page.get_by_text(say("This QR code is no longer valid. Ask the client for a new one."))
    ).to_be_visible()


@VIEWS
def test_two_people_see_their_own_chats(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
    log_in(wire, page, say)
    write(page, say, "from alice")
    expect(page.get_by_text("from alice")).to_be_visible()
    page.get_by_label(say("Whose phone this is")).select_option(label=say("Another person …"))
    page.get_by_label(say("Name")).fill("bob")
    page.get_by_role("button", name=say("Use their phone")).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label(say("Whose phone this is"))).to_have_value("bob")
    expect(page.get_by_text("from alice")).to_have_count(0)
    write(page, say, "from bob")
    (mine,) = phone.wait_for(author="user", user="bob")
    assert mine.text == "from bob"
    page.get_by_label(say("Whose phone this is")).select_option("alice")
    expect(page.get_by_text("from alice")).to_be_visible()
    expect(page.get_by_text("from bob")).to_have_count(0)


def test_it_finds_its_way_back_when_the_sandbox_was_away(open_page: Opener) -> None:
    with running_sandbox() as phone:
        phone.lab.new_bot()
        port = int(phone.base_url.rsplit(":", 1)[1])
        opener = open_page
        page = opener(phone.base_url)
        phone.write("before")
        expect(page.get_by_text("before")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_visible()
    with running_sandbox(port=port) as phone:
        phone.lab.new_bot()
        phone.write("after")
        expect(page.get_by_text("after")).to_be_visible()
        expect(page.get_by_text("before")).to_have_count(0)
        opener.close()
    # The browser itself names the refused connections.
    opener.errors[:] = [e for e in opener.errors if "ERR_" not in e]
