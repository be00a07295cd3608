"""The admin panel in a real browser, on the real program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.pages.axe import findings
from tests.pages.conftest import Opener, Words, wait_js
from tests.pages.faces import log_in, running
from tests.pages.panel import COMBINATIONS, FOUR, base, link, phone, view
from tests.pages.samples import HOSTILE, png
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

__all__ = ["base", "link", "phone"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The login link and the base path of a panel without a bot, for tests that change nothing."""
    base = tmp_path_factory.mktemp("quiet") / "base"
    with running_sandbox() as phone, running(base, phone, "admin", "-p", "0") as link:
        yield link, base


@FOUR
def test_bots_log_in_and_out(
    open_page: Opener, phone: Phone, link: str, base: Path, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    phone.lab.set_options(pair_code=True)
    page = open_page(link, width=width, lang=lang, dark=dark)
    expect(
        page.get_by_text(
            say(
                "No bot is logged in. Log one in with a QR code: people then write to it in WeChat."
            )
        )
    ).to_be_visible()
    assert "key" not in page.url
    assert findings(page) == []

    # A QR code in the page, a wrong number, the right one.
    page.get_by_role("button", name=say("Log a bot in")).click()
    page.get_by_label(say("Name of the session")).fill("work.bot")
    page.keyboard.press("Enter")
    expect(page.get_by_alt_text(say("QR code to scan with WeChat"))).to_be_visible()
    assert findings(page) == []
    # One that nobody scans is replaced by a new one.
    first = page.get_by_role("dialog").locator(".hint").inner_text()
    phone.lab.advance_clock(600)
    expect(page.get_by_role("dialog").locator(".hint")).not_to_have_text(first)
    login = phone.scan(phone.wait_login().qrcode)
    number = page.get_by_label(say("Number on the phone"))
    number.fill("000")
    page.keyboard.press("Enter")
    expect(
        page.get_by_text(say("That number was not right. Type the one that your phone shows now."))
    ).to_be_visible()
    number.fill(login.pair_code)
    page.keyboard.press("Enter")
    expect(page.get_by_text(say("Scanned. Confirm on your phone."))).to_be_visible()
    phone.confirm(login.qrcode)
    done = say("Logged in as {name}. Write to the bot in WeChat.", name="work.bot")
    expect(page.get_by_text(done)).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name=say("Close")).last.click()
    card = page.get_by_role("article", name="work.bot")
    expect(card.get_by_text(say("connected"), exact=True)).to_be_visible()
    assert (base / "work.bot" / "token.json").exists()
    phone.wait_polling()

    # Renamed, the default one changed, logged out.
    log_in(base, phone, "second")
    card.get_by_role("button", name=f"{say('Rename')}: work.bot").click()
    page.get_by_label(say("New name")).fill("work")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="work", exact=True)).to_be_visible()
    assert (base / "work" / "token.json").exists()
    other = page.get_by_role("article", name="second")
    page.get_by_role("button", name=f"{say('Make default')}: work", exact=True).click()
    work = page.get_by_role("article", name="work", exact=True)
    expect(work.get_by_text(say("default"), exact=True)).to_be_visible()
    other.get_by_role("button", name=f"{say('Log out')}: second").click()
    assert findings(page) == []
    page.get_by_role("dialog").get_by_role("button", name=say("Log out")).click()
    expect(other).to_have_count(0)
    assert not (base / "second").exists()


@FOUR
def test_people_conversations_and_outbox(
    open_page: Opener, phone: Phone, link: str, base: Path, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    log_in(base, phone)
    page = open_page(link, width=width, lang=lang, dark=dark)
    phone.wait_polling(timeout=20)
    phone.write("hello " + HOSTILE)
    phone.send_media("image", png())
    phone.send_media("file", b"data" * 100, file_name="报告 <b>.txt")
    phone.write("let me in", user="bob")

    # People come by themselves, with who may reach agents.
    view(page, "people")
    bob = page.get_by_role("article", name="bob@im.wechat")
    expect(bob.get_by_text(say("kept back"), exact=True)).to_be_visible()
    page.get_by_label(say("Whose messages reach your agents:")).select_option("allowlist")
    bob.get_by_role("switch").click()
    expect(bob.get_by_text(say("reaches agents"))).to_be_visible()
    bob.get_by_role("switch").click()
    expect(bob.get_by_text(say("kept back"), exact=True)).to_be_visible()
    expect(bob.get_by_text("10", exact=True)).to_be_visible()
    assert findings(page) == []

    # From a person to their messages.
    page.get_by_role("article", name="alice@im.wechat").get_by_role("link").click()
    expect(page.locator(".message")).to_have_count(3)
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    assert page.evaluate("window.broken") is None
    picture = page.locator(".message", has_text=say("Picture"))
    picture.get_by_role("button", name=say("Show"), exact=True).click()
    expect(picture.locator("img")).to_be_visible()
    wait_js(page, "document.querySelector('.media img').naturalWidth === 120")
    file = page.locator(".message", has_text="报告")
    with page.expect_download() as saving:
        file.get_by_role("button", name=say("Save")).click()
    assert saving.value.path().read_bytes() == b"data" * 100
    assert not list((base / "downloads").glob("*"))
    assert findings(page) == []

    # An answer; one that waits for WeChat to work, one that waits for the person and is dropped.
    write = page.get_by_role("textbox", name=say("Write to {user}", user="alice@im.wechat"))
    write.fill("from the panel")
    page.keyboard.press("Enter")
    phone.wait_for("from the panel")
    expect(page.locator(".message.sent")).to_contain_text("from the panel")
    page.set_input_files(
        "input[type=file]", {"name": "回复.txt", "mimeType": "text/plain", "buffer": b"answer"}
    )
    (answer,) = phone.wait_for(kind="file")
    assert (answer.file_name, phone.content(answer)) == ("回复.txt", b"answer")
    ready = page.get_by_role("button", name=say("Send files"))
    expect(ready).to_be_enabled()
    phone.lab.fault("status", "*/sendmessage", 503, times=None)
    write.fill("once more")
    page.keyboard.press("Enter")
    expect(ready).to_be_enabled(timeout=20_000)
    view(page, "outbox")
    waiting = page.get_by_role("article", name="once more")
    expect(waiting.get_by_text(say("queued"), exact=True)).to_be_visible()
    assert findings(page) == []
    phone.lab.clear_faults()
    waiting.get_by_role("button", name=f"{say('Send now')}: once more").click()
    phone.wait_for("once more")
    expect(page.get_by_text(say("Everything was sent."))).to_be_visible()
    phone.lab.expire_tokens()
    page.go_back()
    write.fill("too late")
    page.keyboard.press("Enter")
    expect(write).to_have_value("")
    # Why it waits, and until when, in the language of the page and not of the server.
    why = {
        "en": "WeChat takes no more replies now; it goes out with the user's next message",
        "zh": "微信现在不再接受回复；对方再次发消息时会发出",
    }[lang]
    until = {"en": r" \(given up on .*20\d\d", "zh": r"（.*20\d\d.* 后放弃）"}[lang]
    expect(page.get_by_text(re.compile(why + until))).to_be_visible()
    view(page, "outbox")
    expect(page.get_by_role("article", name="too late")).to_contain_text(why)
    page.get_by_role("button", name=f"{say('Drop')}: too late").click()
    expect(page.get_by_text(say("Everything was sent."))).to_be_visible()
    phone.write("and now?")
    phone.wait_for(author="user", contains="and now?", acknowledged=True)
    assert phone.chat(author="bot", text="too late") == []

    # The log says what happened, without the text of messages.
    view(page, "log")
    expect(page.get_by_role("log")).to_contain_text("bob@im.wechat")
    assert "let me in" not in page.content()
    assert findings(page) == []


def test_what_is_quoted_is_shown(open_page: Opener, phone: Phone, link: str, base: Path) -> None:
    say = Words("en")
    log_in(base, phone)
    page = open_page(link, width=1280, lang="en", dark=False)
    phone.wait_polling(timeout=20)
    first = phone.write("one two three")
    phone.write("only that", quote=first.message_id, quote_style="partial", quote_part="two")
    picture = phone.send_media("image", png())
    phone.write("older phone", quote=picture.message_id, quote_style="inline")
    phone.wait_for("older phone", author="user", acknowledged=True)
    view(page, "messages")
    part = page.locator(".message", has_text="only that")
    expect(part.locator(".quoted")).to_have_text("two")
    # The quoted picture came along: it is one, although the message is a text.
    shown = page.locator(".message", has_text="older phone")
    expect(shown.locator(".media .badge")).to_have_text(say("Picture"))
    shown.get_by_role("button", name=say("Show"), exact=True).click()
    expect(shown.locator("img")).to_be_visible()


def test_search_filters_and_pages_over_ten_thousand_messages(
    open_page: Opener, phone: Phone, link: str, base: Path
) -> None:
    log_in(base, phone)
    phone.lab.set_options(batch_size=1000)
    phone.write_all([f"message {n}" for n in range(1, 10_001)])
    phone.wait_for(author="user", count=10_000, acknowledged=True, timeout=60)
    for lang, width, dark in COMBINATIONS:
        say = Words(lang)
        page = open_page(link, lang=lang, width=width, dark=dark)
        view(page, "messages")
        expect(page.get_by_text("message 10000", exact=True)).to_be_visible()
        shown = say("{first}–{last} of {total}", first=1, last=50, total=10_000)
        expect(page.get_by_text(shown).first).to_be_visible()
        page.get_by_role("button", name=say("Older")).first.click()
        expect(page.get_by_text("message 9950", exact=True)).to_be_visible()
        expect(page.locator(".message")).to_have_count(50)
        page.get_by_role("searchbox", name=say("Text")).fill("MESSAGE 777")
        shown = say("{first}–{last} of {total}", first=1, last=11, total=11)
        expect(page.get_by_text(shown).first).to_be_visible()
        page.get_by_role("combobox", name=say("Direction")).select_option("sent")
        expect(page.get_by_text(say("Nothing is found."))).to_be_visible()
        page.get_by_role("combobox", name=say("Direction")).select_option("")
        page.locator("label", has_text=say("From")).locator("input[type=datetime-local]").fill(
            "2099-01-01T00:00"
        )
        expect(page.get_by_text(say("Nothing is found."))).to_be_visible()
        page.close()


def test_the_tabs_work_by_keyboard(open_page: Opener, quiet: tuple[str, Path]) -> None:
    page = open_page(quiet[0])
    page.get_by_role("tab", name="Bots").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="People")).to_be_focused()
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Log a bot in")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Log a bot in")).to_be_focused()
    open_page.close()


def test_changes_from_elsewhere_show_by_themselves(
    open_page: Opener, phone: Phone, link: str, base: Path
) -> None:
    page = open_page(link)
    expect(page.get_by_text(re.compile("No bot is logged in"))).to_be_visible()
    log_in(base, phone)
    expect(page.get_by_role("article", name="default")).to_be_visible()
    phone.wait_polling(timeout=20)
    view(page, "messages")
    phone.write("from elsewhere")
    expect(page.get_by_text("from elsewhere", exact=True)).to_be_visible()


def test_without_the_link_there_is_nothing(open_page: Opener, quiet: tuple[str, Path]) -> None:
    parts = urlsplit(quiet[0])
    for fragment in ("", "#key=wrong", "#key="):
        page = open_page(f"{parts.scheme}://{parts.netloc}/{fragment}")
        expect(page.get_by_role("alert")).to_contain_text("opens with its login link")
        assert findings(page) == []
    # The browser itself writes down the refusals.
    open_page.errors[:] = [error for error in open_page.errors if " 40" not in error]


@FOUR
def test_the_secret_is_typed_and_leaving_ends_the_session(
    open_page: Opener, quiet: tuple[str, Path], lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    link, base = quiet
    page = open_page(link.split("#")[0], lang=lang, width=width, dark=dark)
    page.get_by_label(say("Or the secret itself")).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text(say("This is not the secret."))).to_be_visible()
    secret = base / "run" / "admin.secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    page.get_by_label(say("Or the secret itself")).fill(secret.read_text())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=say("Bots"))).to_be_visible()
    page.get_by_role("button", name=say("Leave")).click()
    shut = say("This page opens with its login link.")
    expect(page.get_by_role("alert")).to_contain_text(shut)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text(shut)
    # The browser itself writes down the refusals.
    open_page.errors[:] = [error for error in open_page.errors if " 40" not in error]


# A control by its own tag and what it is called; what it holds may change meanwhile.
NAMED = """const named = (one) => one.cloneNode(false).outerHTML +
    (one.closest("label")?.querySelector("span")?.textContent ?? "");"""
REACHED = f"""() => {{
    {NAMED}
    const seen = document.activeElement;
    const shown = getComputedStyle(seen).outlineStyle === "solid" || seen === document.body;
    return (shown ? "" : "no outline: ") + named(seen);
}}"""
CONTROLS = f"""() => {{
    {NAMED}
    return [...document.querySelectorAll("a[href], button, input, select, textarea")]
        .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)
        .map(named);
}}"""


def test_every_control_can_be_reached_by_keyboard_and_shows_it(
    open_page: Opener, phone: Phone, link: str, base: Path
) -> None:
    log_in(base, phone)
    page = open_page(link, width=375)
    phone.wait_polling(timeout=20)
    phone.write("hello")
    phone.send_media("image", png())
    phone.wait_for(author="user", count=2, acknowledged=True)
    for name in ("bots", "people", "messages", "outbox", "agents", "health", "log"):
        view(page, name)
        expect(page.locator("main section").first).to_be_visible()
        if name == "messages":
            page.get_by_role("button", name="alice@im.wechat").first.click()
            expect(page.get_by_role("textbox", name="Write to")).to_be_visible()
        if name == "health":
            expect(page.locator(".finding").first).to_be_visible(timeout=30_000)
        wanted = set(page.evaluate(CONTROLS))
        assert wanted
        page.evaluate("document.activeElement.blur()")
        reached = set()
        for _ in range(3 * len(wanted) + 20):  # a field for a time has several stops
            page.keyboard.press("Tab")
            reached.add(page.evaluate(REACHED))
            if wanted <= reached:
                break
        assert sorted(wanted - reached) == [], name
        assert not [one for one in reached if one.startswith("no outline")]
