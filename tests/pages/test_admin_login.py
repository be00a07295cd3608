"""Logins in the admin panel that do not go the straight way."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Opener, Words
from tests.pages.panel import base, link, phone
from weilink.sandbox.phone import Phone

__all__ = ["base", "link", "phone"]
pytestmark = pytest.mark.browser
LANGUAGES = pytest.mark.parametrize("lang", ["en", "zh"])


def begin(page: Page, say: Words, name: str = "") -> str:
    """Begin a login and return its QR code."""
    page.get_by_role("button", name=say("Log a bot in")).click()
    if name:
        page.get_by_label(say("Name of the session")).fill(name)
    page.get_by_role("button", name=say("Show a QR code")).click()
    return shown(page, say)


def shown(page: Page, say: Words) -> str:
    expect(page.get_by_alt_text(say("QR code to scan with WeChat"))).to_be_visible()
    return page.get_by_role("dialog").locator(".hint").inner_text()


def confirm(page: Page, phone: Phone, say: Words, qrcode: str, name: str) -> str:
    phone.scan(qrcode)
    expect(page.get_by_text(say("Scanned. Confirm on your phone."))).to_be_visible(timeout=20_000)
    bot = phone.confirm(qrcode).bot_id
    done = say("Logged in as {name}. Write to the bot in WeChat.", name=name)
    expect(page.get_by_role("dialog").get_by_text(done)).to_be_visible(timeout=20_000)
    return bot


def close(page: Page, say: Words) -> None:
    page.get_by_role("dialog").get_by_role("button", name=say("Close")).last.click()


@LANGUAGES
def test_a_service_that_goes_away_and_comes_back(
    open_page: Opener, phone: Phone, link: str, lang: str
) -> None:
    say = Words(lang)
    page = open_page(link, lang=lang)
    qrcode = begin(page, say)
    phone.lab.fault("drop", "*/get_qrcode_status", times=None)
    expect(page.get_by_text(say("The connection to WeChat broke off."))).to_be_visible(
        timeout=30_000
    )
    phone.lab.clear_faults()
    page.get_by_role("button", name=say("Try again")).click()
    confirm(page, phone, say, qrcode, "default")
    # The browser itself writes down what was refused.
    open_page.errors[:] = [error for error in open_page.errors if " 409" not in error]


@LANGUAGES
def test_too_many_wrong_numbers(open_page: Opener, phone: Phone, link: str, lang: str) -> None:
    say = Words(lang)
    phone.lab.set_options(pair_code=True, pair_code_attempts=1)
    page = open_page(link, lang=lang)
    first = begin(page, say)
    phone.scan(first)
    page.get_by_label(say("Number on the phone")).fill("no")
    page.keyboard.press("Enter")
    expect(page.get_by_text(say("Too many wrong numbers. Here is a new code."))).to_be_visible()
    phone.lab.set_options(pair_code=False)
    second = shown(page, say)
    assert second != first
    confirm(page, phone, say, second, "default")


@LANGUAGES
def test_an_account_that_has_a_bot_here(
    open_page: Opener, phone: Phone, link: str, lang: str, base: Path
) -> None:
    say = Words(lang)
    page = open_page(link, lang=lang)
    old = confirm(page, phone, say, begin(page, say, "工作"), "工作")
    close(page, say)
    phone.scan(begin(page, say, "home"))
    stays = "This account is bound to a bot of this computer already, whose login stays good: "
    expect(page.get_by_text(say(stays + "{names}.", names="工作"))).to_be_visible(timeout=20_000)
    close(page, say)

    # Who asks for a new login of that session gets one.
    page.get_by_role("button", name=f"{say('Log in again')}: 工作").click()
    page.get_by_role("button", name=say("Show a QR code")).click()
    new = confirm(page, phone, say, shown(page, say), "工作")
    close(page, say)
    assert new != old
    expect(page.get_by_role("article", name="工作").get_by_text(new)).to_be_visible()

    # Another account does not push it out.
    with Phone(phone.base_url, "somebody-else") as other:
        third = confirm(page, other, say, begin(page, say), "工作-2")
    close(page, say)
    expect(page.get_by_role("article", name="工作-2").get_by_text(third)).to_be_visible()
    expect(page.get_by_role("article", name="工作", exact=True).get_by_text(new)).to_be_visible()
    assert (base / "工作" / "token.json").exists() and (base / "工作-2" / "token.json").exists()
