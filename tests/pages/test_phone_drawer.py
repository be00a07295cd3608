"""What stands behind the phone, and the phone without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.axe import findings
from tests.pages.conftest import Opener, Words
from tests.pages.steps import VIEWS, close_drawer, drawer, log_in, write
from tests.pages.steps import phone as phone
from tests.pages.steps import wire as wire
from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.browser


def test_the_drawer_on_a_telephone_by_keyboard(open_page: Opener, phone: Phone) -> None:
    page = open_page(phone.base_url, width=375, height=640)
    page.get_by_role("button", name="Behind the phone").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    expect(page.get_by_role("tab", name="Wire")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("tab", name="Wire")).to_be_hidden()
    expect(page.get_by_role("button", name="Behind the phone")).to_be_focused()
    # Nothing is wider than the screen.
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


@VIEWS
def test_every_fault_and_option_can_be_switched(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
    log_in(wire, page, say)
    write(page, say, "one")
    drawer(page, say, "Faults")
    kinds = ["status", "drop", "lost_answer", "half", "delay", "bad_json", "answer", "empty_buf"]
    for kind in [*kinds, "repeat"]:
        page.get_by_role("switch", name=re.compile(f"^{kind}")).check()
        expect(page.locator(".plain-list li").last).to_contain_text(kind)
    assert findings(page) == []
    rules = phone.lab.faults()
    assert [r["kind"] for r in rules] == [k.replace("lost_answer", "drop") for k in kinds] + [
        "repeat"
    ]
    assert [r["value"] for r in rules if r["value"]] == [502, 3, {"ret": -1}]
    expect(page.get_by_role("tab", name=f"{say('Faults')} (9)")).to_be_visible()
    page.get_by_role("button", name=say("Remove all")).click()
    expect(page.get_by_text(say("None: the service behaves."))).to_be_visible()
    assert phone.lab.faults() == []

    drawer(page, say, "Options")
    options = phone.state().options
    for name, value in options.items():
        if isinstance(value, bool):
            page.get_by_role("switch", name=re.compile(f"{name}$")).click()
            expect(page.get_by_role("switch", name=re.compile(f"{name}$"))).to_be_checked(
                checked=not value
            )
            assert phone.state().options[name] is not value
    assert page.get_by_role("switch").count() == sum(type(v) is bool for v in options.values())
    page.get_by_label(re.compile("batch_size$")).fill("7")
    page.keyboard.press("Enter")
    phone.wait_until(lambda state: state.options["batch_size"] == 7)

    drawer(page, say, "State")
    before = phone.state().now_ms
    page.get_by_role("button", name=say("+1 hour")).click()
    phone.wait_until(lambda state: state.now_ms >= before + 3_600_000)
    page.get_by_role("button", name=say("End the reply window")).click()
    phone.wait_until(lambda state: state.conversations[0].live_tokens == 0)
    close_drawer(page)
    expect(page.get_by_text(say("no reply possible until you write"))).to_be_visible()
    drawer(page, say, "State")
    page.get_by_role("button", name=say("End the bot's session")).click()
    phone.wait_until(lambda state: not state.bots[0].live)
    close_drawer(page)
    expect(page.get_by_text(say("session ended"), exact=True)).to_be_visible()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tab key until `wanted` has the focus, as somebody without a mouse does."""
    for _ in range(60):
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the tab key does not lead there")


@VIEWS
def test_everything_by_keyboard(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
    asked = wire.qrcode()
    scan = page.get_by_role("button", name=say("Scan as {user}", user="alice"))
    scan.wait_for()
    tab_to(page, scan)
    page.keyboard.press("Enter")
    confirm = page.get_by_role("button", name=say("Log in"), exact=True)
    confirm.wait_for()
    tab_to(page, confirm)
    page.keyboard.press("Space")
    field = page.get_by_label(say("Write to the bot"))
    expect(field).to_be_visible()
    wire.token = wire.status(asked["qrcode"])["bot_token"]
    tab_to(page, field)
    page.keyboard.type("by hand")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two lines")
    page.keyboard.press("Enter")
    (written,) = phone.wait_for(author="user")
    assert written.text == "by hand\ntwo lines"
    quote = page.get_by_role("button", name=say("Quote this message"))
    quote.wait_for()
    page.get_by_label(say("Whose phone this is")).focus()  # the top of the page
    tab_to(page, quote)
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    page.keyboard.type("again")
    page.keyboard.press("Enter")
    expect(page.locator(".mine .quoted")).to_contain_text("two lines")

    opener = page.locator(".to-drawer")
    if opener.is_visible():
        opener.focus()
        page.keyboard.press("Enter")
    wire_tab = page.get_by_role("tab", name=say("Wire"))
    tab_to(page, wire_tab)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name=say("Faults"))).to_be_focused()
    switch = page.get_by_role("switch", name=re.compile("^drop"))
    tab_to(page, switch)
    page.keyboard.press("Space")
    expect(switch).to_be_checked()
    phone.wait_until(lambda state: phone.lab.faults() != [])
    page.keyboard.press("Space")
    expect(page.get_by_text(say("None: the service behaves."))).to_be_visible()
