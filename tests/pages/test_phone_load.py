"""The phone page with very many messages, and with very many at once."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import ROOT, Opener
from tests.pages.steps import phone as phone
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.browser


def test_ten_thousand_messages_open_fast_and_scroll(open_page: Opener, phone: Phone) -> None:
    phone.lab.new_bot()
    phone.write_all([f"message {n} " + "word " * (n % 40) for n in range(1, 10_001)])
    phone.write("from bob", user="bob", bot=phone.bot().bot_id)
    page = open_page(phone.base_url)
    expect(page.get_by_text(re.compile("^message 10000 "))).to_be_in_viewport()
    took = page.evaluate("performance.now()")
    assert took < 2_000  # a loose bound for a busy machine; tests/bench has the tight one

    # From the other end of it to its end: every frame is counted that took long.
    page.evaluate(
        """() => {
        window.gaps = [];
        let last = performance.now();
        const tick = (now) => {
            window.gaps.push(now - last);
            last = now;
            requestAnimationFrame(tick);
        };
        requestAnimationFrame(tick);
    }"""
    )
    page.mouse.move(200, 400)

    def scroll(step: int, over: str) -> None:
        deadline = time.monotonic() + 40
        while not page.evaluate(over):
            assert time.monotonic() < deadline
            page.mouse.wheel(0, step)
            # However far one scrolls, the page holds a bounded number of them.
            assert page.evaluate("document.querySelectorAll('.line').length") <= 120

    def texts() -> list[int]:
        shown: list[int] = page.evaluate(
            """[...document.querySelectorAll('.line .bubble')].map(
                (one) => +one.textContent.split(' ')[1])"""
        )
        return shown

    scroll(-4000, "+document.querySelector('.line').dataset.n < 9000")
    shown = texts()
    assert shown == list(range(shown[0], shown[0] + len(shown)))  # no gap, none twice
    # What comes meanwhile does not move what is read.
    phone.write("while reading")
    expect(page.get_by_role("button", name=re.compile("newer messages"))).to_be_visible()
    scroll(4000, "+[...document.querySelectorAll('.line')].at(-1).dataset.n === 10002")
    shown = texts()[:-1]
    assert shown == list(range(shown[0], 10_001))
    page.mouse.wheel(0, 100_000)
    expect(page.get_by_text("while reading")).to_be_in_viewport()
    expect(page.get_by_role("button", name=re.compile("newer messages"))).to_have_count(0)
    gaps: list[float] = page.evaluate("window.gaps.slice(2)")
    long = sum(gap > 50 for gap in gaps)
    print(f"{len(gaps)} frames, {long} over 50 ms, the longest {max(gaps):.0f} ms")
    # Loose, as other work on the machine stops frames too; tests/bench/pages.py measures it.
    assert long < len(gaps) / 5
    assert max(gaps) < 1_000

    # By a click to the end, and to another person and back.
    scroll(-4000, "+[...document.querySelectorAll('.line')].at(-1).dataset.n < 10000")
    phone.write("the newest")
    page.get_by_role("button", name=re.compile("newer messages")).click()
    expect(page.get_by_text("the newest")).to_be_in_viewport()
    page.get_by_label("Whose phone this is").select_option("bob")
    expect(page.get_by_text("from bob")).to_be_in_viewport()
    page.get_by_label("Whose phone this is").select_option("alice")
    expect(page.get_by_text("the newest")).to_be_in_viewport()


def test_a_hundred_updates_a_second_do_not_pile_up(open_page: Opener, phone: Phone) -> None:
    """The page keeps up and can be used meanwhile, and asks seldom instead of once for each."""
    phone.lab.new_bot()
    page = open_page(phone.base_url)
    field = page.get_by_label("Write to the bot")
    expect(field).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    count, rate = 500, 100
    command = [sys.executable, "-m", "tests.pages.writer", phone.base_url, str(count), str(rate)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        presses = []
        while writer.poll() is None:
            began = time.monotonic()
            field.press("x")
            presses.append(time.monotonic() - began)
        assert writer.stdout is not None
        seconds = float(writer.stdout.read())
    expect(page.get_by_text(f"burst {count}", exact=True)).to_be_in_viewport(timeout=2_000)
    expect(field).to_have_value("x" * len(presses))
    news = [url for url in asked if "/page/live" in url]
    print(
        f"{count / seconds:.0f} a second, {len(news)} requests, "
        f"{len(presses)} keys, the slowest {max(presses) * 1000:.0f} ms"
    )
    assert len(asked) == len(news)
    assert len(news) <= seconds * 20 + 10  # one every 50 ms, and never two at a time
    assert len(presses) > 5
    assert sorted(presses)[len(presses) // 2] < 0.5
    shown = page.locator(".line .bubble").all_inner_texts()
    assert shown == [f"burst {n}" for n in range(count - len(shown) + 1, count + 1)]
    assert 50 <= len(shown) <= 120
    assert len(phone.chat(author="user")) == count
