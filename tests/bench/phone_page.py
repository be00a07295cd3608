"""A conversation of 10,000 messages at the sandbox's phone: opened, chosen, scrolled through.

Opened: from the start of the navigation, in a browser that has nothing of the page, until the
list's end is painted; beside a text file of the same server, which is what the browser and the
machine need for any page at all. Chosen: from the click that shows this chat instead of another.
Scrolled: how long frames take from the last message to the first and back.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.panel import FIRST, opened
from tests.pages.chromium import FLAGS, chromium
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

RUNS = 10
MESSAGES = 10_000
RATIO = 3.0
OPEN_MS = 300.0
LONG_SHARE = 0.1
"""Of the frames while scrolling, how many more than of those without may take over 50 ms."""
IDLE = """async () => {
    const gaps = [];
    let last = performance.now();
    for (let n = 0; n < 200; n++) {
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        gaps.push(now - last);
        last = now;
    }
    return gaps;
}"""
_LAST = f"document.querySelector('.line[data-n=\"{MESSAGES}\"]')"
PAINTED = f"""new MutationObserver(() => {{
    if (window.painted !== undefined || !{_LAST}) return;
    window.painted = 0;
    requestAnimationFrame(() => setTimeout(() => {{ window.painted = performance.now(); }}));
}}).observe(document, {{subtree: true, childList: true}});"""
CHOSEN = f"""([from, to]) => new Promise((done) => {{
    const person = document.querySelector("select.who");
    const choose = (name) => {{
        person.value = name;
        person.dispatchEvent(new Event("change", {{bubbles: true}}));
    }};
    choose(from);
    const other = () => {{
        if ({_LAST}) return setTimeout(other, 10);
        const began = performance.now();
        choose(to);
        const seen = () => {{
            if (!{_LAST}) return requestAnimationFrame(seen);
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
        }};
        seen();
    }};
    other();
}})"""
SCROLLED = """async (step) => {
    const box = document.querySelector(".messages");
    const gaps = [];
    let last = performance.now();
    const frame = () => new Promise(requestAnimationFrame);
    const over = () => step < 0
        ? document.querySelector(".line").dataset.n === "1" && box.scrollTop === 0
        : box.scrollHeight - box.scrollTop - box.clientHeight < 2
            && document.querySelector(".to-end") === null;
    while (!over()) {
        box.scrollTop += step;
        await frame();
        const now = performance.now();
        gaps.push(now - last);
        last = now;
    }
    return gaps;
}"""


def _browser(phone: Phone, browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page.goto(phone.base_url)
    page.locator(".line").last.wait_for()
    return page


def _line(name: str, ours: list[float], beside: list[float], good: bool, limit: str) -> None:
    ratio = statistics.median(ours) / statistics.median(beside)
    print(
        f"{name:<44} {statistics.median(ours):7.1f} ms"
        f"  beside {statistics.median(beside):6.1f} ms  ratio {ratio:4.2f}  (limit {limit})"
        f"  {'ok' if good else 'TOO SLOW'}",
        flush=True,
    )


def main() -> int:
    """Measure in turn; 1 when anything is over its limit."""
    opening: list[float] = []
    empties: list[float] = []
    with running_sandbox() as phone, sync_playwright() as playwright:
        bot = phone.lab.new_bot().bot_id
        phone.write_all([f"message {n} " + "word " * (n % 40) for n in range(1, MESSAGES + 1)])
        phone.write("another chat", user="bob", bot=bot)
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        empty = f"{phone.base_url}/assets/web/vendor/LICENSE.txt"
        for run in range(RUNS + 1):
            ours = opened(browser, phone.base_url, PAINTED, "window.painted")
            other = opened(browser, empty, "", FIRST)
            if run:  # the first run fills caches
                opening.append(ours)
                empties.append(other)
        page = _browser(phone, browser)
        choosing = [float(page.evaluate(CHOSEN, ["bob", "alice"])) for _ in range(RUNS)]
        idle = page.evaluate(IDLE)[1:]
        began = time.monotonic()
        gaps = [gap for step in (-4000, 4000) for gap in page.evaluate(SCROLLED, step)[1:]]
        took = time.monotonic() - began
        browser.close()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    quick = statistics.median(opening) <= RATIO * statistics.median(empties)
    _line("10,000 messages, page opened", opening, empties, quick, f"{RATIO}")
    print(
        f"{'  fastest of each; load of the machine':<44} {min(opening):7.1f} ms"
        f"  beside {min(empties):6.1f} ms  load {load:4.2f}",
        flush=True,
    )
    chosen = min(choosing) <= OPEN_MS
    _line("10,000 messages, chat chosen by a click", choosing, empties, chosen, f"{OPEN_MS:.0f} ms")
    print(f"{'  fastest':<44} {min(choosing):7.1f} ms", flush=True)
    long, usual = sum(gap > 50 for gap in gaps), sum(gap > 50 for gap in idle) / len(idle)
    smooth = long / len(gaps) <= usual + LONG_SHARE
    print(
        f"{'10,000 messages, scrolled up and down':<44} {took:7.1f} s   {len(gaps)} frames,"
        f" {long} over 50 ms, median {statistics.median(gaps):.0f} ms, longest {max(gaps):.0f} ms;"
        f" without scrolling {usual:.0%} over 50 ms"
        f"  {'ok' if smooth else 'NOT SMOOTH'}",
        flush=True,
    )
    return 0 if quick and chosen and smooth else 1


if __name__ == "__main__":
    sys.exit(main())
