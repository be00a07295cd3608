"""Pictures, files, voices and films at the phone page, both ways."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.pages.axe import findings
from tests.pages.conftest import Opener, Words, wait_js
from tests.pages.samples import png, wav
from tests.pages.steps import VIEWS, bare_sandbox, log_in, write
from tests.pages.steps import phone as phone
from tests.pages.steps import wire as wire
from tests.sandbox.test_media import KEY, announce, upload
from tests.sandbox.wire import Wire
from weilink.sandbox import media
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.browser


@VIEWS
def test_files_by_button_by_drop_and_by_paste(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
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


def filmed(page: Page) -> bytes:
    """Let the browser make a short film."""
    return bytes(
        page.evaluate(
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
    )


@VIEWS
def test_a_recording_and_a_video(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
    log_in(wire, page, say)
    page.get_by_role("button", name=say("Record a voice message")).click()
    expect(page.get_by_text(say("Recording … press stop to keep it."))).to_be_visible()
    # The browser's pretended microphone beeps once a second.
    page.evaluate("new Promise((go) => setTimeout(go, 300))")
    page.get_by_role("button", name=say("Stop recording")).click()
    expect(page.locator(".attachment")).to_be_visible()
    film = filmed(page)
    page.set_input_files(
        "input[type=file]",
        {"name": "film.webm", "mimeType": "video/webm", "buffer": film},
    )
    expect(page.locator(".attachment")).to_have_count(2)
    page.get_by_role("button", name=say("Send"), exact=True).click()
    voice, video = phone.wait_for(author="user", count=2)
    assert (voice.kind, video.kind) == ("voice", "video")
    assert phone.content(voice)[:4] in (b"RIFF", b"\x02#!S")
    assert phone.content(video) == film
    expect(page.locator("video.film")).to_be_visible()
    page.evaluate("document.querySelector('video.film').play()")
    wait_js(page, "document.querySelector('video.film').currentTime > 0")


def send_media(wire: Wire, context: str, number: int, part: str, data: bytes, **more: Any) -> None:
    """Let the bot send a file, as a client does."""
    key = f"{number:032x}"
    param = announce(wire, data, filekey=key)["upload_param"]
    reference = upload(wire, param, media.encrypt(data, KEY), key).headers["x-encrypted-param"]
    encoded = base64.b64encode(KEY.hex().encode()).decode()
    carried = {"encrypt_query_param": reference, "aes_key": encoded, "encrypt_type": 1}
    item = {"type": number, part: {"media": carried, **more}}
    assert wire.send("", context, f"m{number}", {"item_list": [item]})["ret"] == 0


@VIEWS
def test_what_a_bot_sends_is_shown_played_and_saved(
    open_page: Opener, phone: Phone, wire: Wire, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
    film = filmed(page)
    log_in(wire, page, say)
    write(page, say, "show me")
    context = wire.context()
    send_media(wire, context, 2, "image_item", png())
    send_media(wire, context, 3, "voice_item", wav(), playtime=1500, text="a voice")
    send_media(wire, context, 4, "file_item", b"%PDF" * 600, file_name="报告 1.pdf", len="2400")
    send_media(wire, context, 5, "video_item", film)
    theirs = page.locator(".line.theirs")
    expect(theirs).to_have_count(4)

    theirs.get_by_role("button", name=say("Show the picture")).click()
    with page.expect_download() as saving:
        page.locator("dialog").get_by_role("link", name=say("Save")).click()
    assert saving.value.path().read_bytes() == png()
    page.keyboard.press("Escape")
    expect(theirs.get_by_text("a voice")).to_be_visible()
    theirs.locator(".voice-button").click()
    wait_js(page, "document.querySelector('.theirs audio').currentTime > 0")
    with page.expect_download() as saving:
        theirs.get_by_text("报告 1.pdf").click()
    assert saving.value.path().read_bytes() == b"%PDF" * 600
    page.evaluate("document.querySelector('.theirs video').play()")
    wait_js(page, "document.querySelector('.theirs video').currentTime > 0")
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@VIEWS
def test_without_silk_python_the_page_says_so(
    open_page: Opener, tmp_path: Path, lang: str, width: int, dark: bool
) -> None:
    say = Words(lang)
    with bare_sandbox(tmp_path) as phone:
        phone.lab.new_bot()
        page = open_page(phone.base_url, width=width, lang=lang, dark=dark)
        phone.send_media("voice", b"\x02#!SILK_V3" + bytes(40), text="heard by WeChat")
        page.locator(".voice-button").click()
        expect(page.get_by_role("alert")).to_contain_text("silk-python")
        expect(page.get_by_text("heard by WeChat")).to_be_visible()
        with page.expect_download() as saving:
            page.get_by_role("link", name=say("Save")).click()
        assert saving.value.path().read_bytes().startswith(b"\x02#!SILK_V3")
        page.get_by_role("button", name=say("Record a voice message")).click()
        expect(page.get_by_text(say("Recording … press stop to keep it."))).to_be_visible()
        page.evaluate("new Promise((go) => setTimeout(go, 300))")
        page.get_by_role("button", name=say("Stop recording")).click()
        expect(page.locator(".note")).to_contain_text("silk-python")
        assert findings(page) == []
        open_page.close()
    # The browser writes down that it could not play it.
    open_page.errors[:] = [one for one in open_page.errors if "/page/media/" not in one]
