"""The panel under load: many changes a second, large files, a first view that is there at once."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.axe import findings
from tests.pages.conftest import Opener, Words, wait_js
from tests.pages.faces import log_in, running
from tests.pages.panel import FOUR, base, link, phone, view
from tests.pages.samples import png
from weilink.sandbox.phone import Phone

__all__ = ["base", "link", "phone"]
pytestmark = pytest.mark.browser

RATE = 100
SECONDS = 6
# Writes what is due every hundredth of a second, all that is due when it is late.
WRITER = """\
import sys, time, anyio
from weilink.store import Store
from weilink.store.models import Delivery, NewMessage
base, bot, rate, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def message(n):
    return NewMessage(message_id=f"storm-{n}", user_id="alice@im.wechat", msg_type="TEXT",
                      text=f"storm {n}", timestamp=1_700_000_000_000 + n, context_token="",
                      delivery=Delivery.PENDING, raw={})
async def main():
    from pathlib import Path
    async with Store(Path(base)) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        began, done, commits = time.monotonic(), 0, 0
        while done < count:
            due = min(int((time.monotonic() - began) * rate) + 1, count)
            if due > done:
                await store.inbox.commit_batch(bot, "", [message(n) for n in range(done, due)])
                done, commits = due, commits + 1
            await anyio.sleep(max(0, began + done / rate - time.monotonic()))
        print(commits, flush=True)
anyio.run(main)
"""
WATCH = """
    window.gaps = [];
    let last = performance.now();
    setInterval(() => {
        const now = performance.now();
        gaps.push(now - last - 20);
        last = now;
    }, 20);
"""


def heap(page: Page) -> float:
    """MiB that the page's script holds on to."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used / 2**20


def test_a_hundred_updates_a_second_do_not_pile_up(
    open_page: Opener, phone: Phone, link: str, base: Path
) -> None:
    bot = log_in(base, phone)
    page = open_page(link)
    phone.wait_polling(timeout=20)
    view(page, "messages")
    count = RATE * SECONDS
    command = [sys.executable, "-c", WRITER, str(base), bot, str(RATE), str(count)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None and writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        asked: list[str] = []
        flying: set[Any] = set()
        most_flying = 0

        def began(request: Any) -> None:
            nonlocal most_flying
            asked.append(request.url)
            flying.add(request)
            most_flying = max(most_flying, len(flying))

        page.on("request", began)
        page.on("requestfinished", lambda request: flying.discard(request))
        page.evaluate(WATCH)
        before = heap(page)
        start = time.monotonic()
        writer.stdin.write("go\n")
        writer.stdin.flush()
        # Meanwhile it does what a person wants of it.
        expect(page.get_by_text("storm 1", exact=True)).to_be_visible()
        view(page, "people")
        expect(page.get_by_role("article", name="alice@im.wechat")).to_have_count(0)
        view(page, "messages")
        page.get_by_role("searchbox", name="Text").fill("storm 42")
        expect(page.get_by_text("storm 42", exact=True)).to_be_visible()
        page.get_by_role("searchbox", name="Text").fill("")
        commits = int(writer.stdout.readline())
        wrote = time.monotonic() - start
        # Right at the end, and soon.
        expect(page.get_by_text(f"1–50 of {count}").first).to_be_visible(timeout=5_000)
        expect(page.get_by_text(f"storm {count - 1}", exact=True)).to_be_visible()
        late = time.monotonic() - start - wrote
        assert writer.wait(10) == 0
    expect(page.locator(".message")).to_have_count(50)
    gaps = page.evaluate("gaps")
    grown = heap(page) - before
    print(
        f"{count} updates in {commits} writes and {wrote:.1f} s; {len(asked)} requests, "
        f"{most_flying} at once; event loop late by {statistics.median(gaps):.0f} ms (median), "
        f"{max(gaps):.0f} ms (most); heap {grown:+.1f} MiB; right after {late:.2f} s"
    )
    assert commits > count / 10  # they came one after the other, and not all at once
    # Three lists five times a second at most, and never one before the last was answered.
    assert len(asked) < 20 * (wrote + late) + 20
    assert most_flying <= 6
    assert statistics.median(gaps) < 50
    assert max(gaps) < 1_500
    assert grown < 8


@FOUR
def test_a_large_file_goes_as_a_stream(
    open_page: Opener, phone: Phone, base: Path, tmp_path: Path, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    log_in(base, phone)
    big = tmp_path / "大 file & 文件.bin"
    big.write_bytes(bytes(range(256)) * 4 * 1024 * 12)  # 12 MiB
    # What agents may send is another question: a person gave these to WeiLink.
    more = {"WEILINK_MEDIA_LIMIT_MIB": "15", "WEILINK_SEND_FOLDERS": '["/nowhere"]'}
    with running(base, phone, "admin", "-p", "0", **more) as link:
        phone.wait_polling(timeout=20)
        phone.write("a file, please")
        phone.wait_for(author="user", acknowledged=True)
        send_large(open_page(link, width=width, lang=lang, dark=dark), phone, say, big)
        # Nothing is left on the server's side.
        assert list((base / "uploads").iterdir()) == []
        open_page.close()


def send_large(page: Page, phone: Phone, say: Words, big: Path) -> None:
    view(page, "people")
    page.get_by_role("article", name="alice@im.wechat").get_by_role("link").click()
    chooser = page.locator("input[type=file]")

    # Slow enough to see: how far it is, and it can be taken back.
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": 2**20})
    chooser.set_input_files(big)
    bar = page.get_by_role("progressbar", name=big.name)
    expect(bar).to_be_visible()
    expect(page.locator(".sending-name")).to_contain_text("12 MB")
    assert findings(page) == []
    page.get_by_role("button", name=f"{say('Cancel')}: {big.name}").click()
    expect(bar).to_have_count(0)
    expect(page.get_by_text(say("{name} was not sent.", name=big.name))).to_be_visible()
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})

    chooser.set_input_files(big)
    (got,) = phone.wait_for(kind="file", timeout=30)
    assert (got.file_name, phone.content(got)) == (big.name, big.read_bytes())
    expect(page.get_by_text(say("Sent."), exact=True)).to_be_visible()
    picture = big.with_name("图.png")
    picture.write_bytes(png())
    chooser.set_input_files(picture)
    phone.wait_for(kind="image", timeout=30)
    expect(bar).to_have_count(0)

    # One that is over the limit is not even begun.
    larger = big.with_name("larger.bin")
    larger.write_bytes(b"x" * (16 * 2**20))
    chooser.set_input_files(larger)
    said = say("{name} is too large: {limit} at most.", name="larger.bin", limit="15 MB")
    expect(page.get_by_text(said)).to_be_visible()
    assert len(phone.chat(author="bot")) == 2


def test_the_first_view_is_there_at_once(
    open_page: Opener, phone: Phone, base: Path, link: str
) -> None:
    log_in(base, phone)
    page = open_page(link)
    expect(page.get_by_role("article", name="default")).to_be_visible()
    wait_js(page, "performance.getEntriesByName('first-contentful-paint').length")
    first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    # A loose bound for a busy machine; `python -m tests.bench pages` measures.
    assert first < 2_000
    # What the time is made of: the page, its script and its style, the session with what is shown.
    asked = page.evaluate(
        "performance.getEntriesByType('resource').filter((one) => one.startTime < "
        f"{first}).map((one) => new URL(one.name).pathname)"
    )
    assert len([one for one in asked if not one.endswith((".svg", "/changes"))]) <= 3, asked
