"""The phone page in a real browser: what a person sees and does, in both languages and widths."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.pages.axe import findings
from tests.pages.conftest import ROOT, Opener, Words, wait_js
from tests.pages.samples import HOSTILE, png, wav
from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

pytestmark = pytest.mark.browser

BOTH = pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("zh", 375)])


@pytest.fixture
def phone(open_page: Opener) -> Iterator[Phone]:
    with running_sandbox(longpoll_seconds=0.2, login_poll_seconds=0.2) as phone:
        yield phone
        open_page.close()  # before the sandbox, whose end the page would complain of


@pytest.fixture
def wire(phone: Phone) -> Iterator[Wire]:
    """A client before its login."""
    wire = Wire(phone)
    with wire.http:
        yield wire


def log_in(wire: Wire, page: Page, say: Words) -> None:
    qrcode = wire.qrcode()["qrcode"]
    page.get_by_role("button", name=say("Scan as {user}", user="alice")).click()
    page.get_by_role("button", name=say("Log in"), exact=True).click()
    expect(page.get_by_label(say("Write to the bot"))).to_be_visible()
    wire.token = wire.status(qrcode)["bot_token"]


def write(page: Page, say: Words, text: str) -> None:
    page.get_by_label(say("Write to the bot")).fill(text)
    page.keyboard.press("Enter")
    expect(page.get_by_label(say("Write to the bot"))).to_have_value("")


def drawer(page: Page, say: Words, tab: str) -> None:
    opener = page.locator(".to-drawer")
    if opener.is_visible() and not page.locator("aside").is_visible():
        opener.click()
    page.get_by_role("tab", name=say(tab)).click()


@BOTH
def test_a_conversation_with_everything_in_it(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang)
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

    # How it stands.
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


@BOTH
def test_files_by_button_by_drop_and_by_paste(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang)
    log_in(wire, page, say)
    chosen: list[FilePayload] = [
        {"name": "照片 1.png", "mimeType": "image/png", "buffer": png()},
        {"name": "voice.wav", "mimeType": "audio/wav", "buffer": wav()},
        {"name": "报告 <b>.pdf", "mimeType": "application/pdf", "buffer": b"%PDF" * 600},
    ]
    page.set_input_files("input[type=file]", chosen)
    expect(page.locator(".attachment")).to_have_count(3)
    page.get_by_label(say("What it says")).fill("hello")
    page.get_by_role("button", name=say("Send"), exact=True).click()
    phone.wait_for(author="user", count=3)
    expect(page.locator(".attachment")).to_have_count(0)
    picture, voice, file = phone.chat(author="user")
    assert phone.content(picture) == png()
    assert phone.content(file) == b"%PDF" * 600
    assert (voice.text, file.file_name) == ("hello", "报告 <b>.pdf")
    assert 1400 <= voice.items[0]["voice_item"]["playtime"] <= 1600

    # All three as a person sees them: the picture large, the voice played, the file saved.
    page.get_by_role("button", name=say("Show the picture")).click()
    expect(page.locator("dialog img")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    page.get_by_text("hello").wait_for()
    page.locator(".voice-button").click()
    wait_js(page, "document.querySelector('audio').currentTime > 0")
    with page.expect_download() as saving:
        page.get_by_text("报告 <b>.pdf").click()
    assert saving.value.path().read_bytes() == b"%PDF" * 600

    give = """async ([kind, name, type, text]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([text], name, {type}));
        const box = document.querySelector(kind === "paste" ? "#composer" : ".chat");
        const data = kind === "paste" ? {clipboardData: transfer} : {dataTransfer: transfer};
        const event = kind === "paste" ? ClipboardEvent : DragEvent;
        box.dispatchEvent(new event(kind, {bubbles: true, cancelable: true, ...data}));
    }"""
    page.evaluate(give, ["dragover", "notes.txt", "text/plain", "dropped"])
    expect(page.locator(".drop-here")).to_be_visible()
    page.evaluate(give, ["drop", "notes.txt", "text/plain", "dropped"])
    expect(page.locator(".drop-here")).to_have_count(0)
    page.evaluate(give, ["paste", "pasted.txt", "text/plain", "pasted"])
    expect(page.locator(".attachment")).to_have_count(2)
    page.get_by_role("button", name=say("Remove {name}", name="notes.txt")).click()
    page.get_by_role("button", name=say("Send"), exact=True).click()
    (pasted,) = phone.wait_for(author="user", kind="file", count=1, after=file.n)
    assert (phone.content(pasted), pasted.file_name) == (b"pasted", "pasted.txt")


def test_a_recording_and_a_video(open_page: Opener, phone: Phone, wire: Wire) -> None:
    say = Words("en")
    page = open_page(phone.base_url)
    log_in(wire, page, say)
    page.get_by_role("button", name="Record a voice message").click()
    expect(page.get_by_text("press stop to keep it")).to_be_visible()
    # The browser's pretended microphone beeps once a second.
    page.evaluate("new Promise((go) => setTimeout(go, 300))")
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(".attachment")).to_be_visible()
    film = page.evaluate(
        """async () => {
        const canvas = document.createElement("canvas");
        const pen = canvas.getContext("2d");
        const recorder = new MediaRecorder(canvas.captureStream(25), {mimeType: "video/webm"});
        const pieces = [];
        recorder.ondataavailable = (event) => pieces.push(event.data);
        recorder.start();
        for (let i = 0; i < 20; i++) {
            pen.fillStyle = `hsl(${i * 18} 90% 50%)`;
            pen.fillRect(0, 0, 300, 150);
            await new Promise(requestAnimationFrame);
        }
        await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
        return [...new Uint8Array(await new Blob(pieces).arrayBuffer())];
    }"""
    )
    page.set_input_files(
        "input[type=file]",
        {"name": "film.webm", "mimeType": "video/webm", "buffer": bytes(film)},
    )
    expect(page.locator(".attachment")).to_have_count(2)
    page.get_by_role("button", name="Send", exact=True).click()
    voice, video = phone.wait_for(author="user", count=2)
    assert (voice.kind, video.kind) == ("voice", "video")
    assert phone.content(voice)[:4] in (b"RIFF", b"\x02#!S")
    assert phone.content(video) == bytes(film)
    expect(page.locator("video.film")).to_be_visible()
    page.evaluate("document.querySelector('video.film').play()")
    wait_js(page, "document.querySelector('video.film').currentTime > 0")


@BOTH
def test_pair_code_and_refused_login(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int
) -> None:
    say = Words(lang)
    phone.lab.set_options(pair_code=True)
    asked = wire.qrcode()
    # The URL that the QR code shows opens the page with that login in front.
    page = open_page(asked["qrcode_img_content"], width=width, lang=lang)
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


def test_two_people_see_their_own_chats(open_page: Opener, phone: Phone, wire: Wire) -> None:
    say = Words("en")
    page = open_page(phone.base_url)
    log_in(wire, page, say)
    write(page, say, "from alice")
    expect(page.get_by_text("from alice")).to_be_visible()
    page.get_by_label("Whose phone this is").select_option(label="Another person …")
    page.get_by_label("Name").fill("bob")
    page.get_by_role("button", name="Use their phone").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Whose phone this is")).to_have_value("bob")
    expect(page.get_by_text("from alice")).to_have_count(0)
    write(page, say, "from bob")
    (mine,) = phone.wait_for(author="user", user="bob")
    assert mine.text == "from bob"
    page.get_by_label("Whose phone this is").select_option("alice")
    expect(page.get_by_text("from alice")).to_be_visible()
    expect(page.get_by_text("from bob")).to_have_count(0)


def test_every_fault_and_option_can_be_switched(
    open_page: Opener, phone: Phone, wire: Wire
) -> None:
    say = Words("en")
    page = open_page(phone.base_url)
    log_in(wire, page, say)
    write(page, say, "one")
    page.get_by_role("tab", name="Faults").click()
    kinds = ["status", "drop", "lost_answer", "half", "delay", "bad_json", "answer", "empty_buf"]
    for kind in [*kinds, "repeat"]:
        page.get_by_role("switch", name=re.compile(f"^{kind}")).check()
        expect(page.locator(".plain-list li").last).to_contain_text(kind)
    rules = phone.lab.faults()
    assert [r["kind"] for r in rules] == [k.replace("lost_answer", "drop") for k in kinds] + [
        "repeat"
    ]
    assert [r["value"] for r in rules if r["value"]] == [502, 3, {"ret": -1}]
    expect(page.get_by_role("tab", name="Faults (9)")).to_be_visible()
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_text("None: the service behaves.")).to_be_visible()
    assert phone.lab.faults() == []

    page.get_by_role("tab", name="Options").click()
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

    page.get_by_role("tab", name="State").click()
    page.get_by_role("button", name="+1 hour").click()
    phone.wait_until(lambda state: state.now_ms > 0)
    page.get_by_role("button", name="End the reply window").click()
    phone.wait_until(lambda state: state.conversations[0].live_tokens == 0)
    expect(page.get_by_text("no reply possible until you write")).to_be_visible()
    page.get_by_role("button", name="End the bot's session").click()
    phone.wait_until(lambda state: not state.bots[0].live)
    expect(page.get_by_text("session ended")).to_be_visible()


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
            assert page.evaluate("document.querySelectorAll('.line').length") <= 200

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
    assert 50 <= len(shown) <= 200
    assert len(phone.chat(author="user")) == count


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
