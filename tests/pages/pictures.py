"""`python -m tests.pages.pictures`: takes the pictures of docs/images/."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.pages.chromium import FLAGS, chromium
from tests.pages.faces import log_in, running
from tests.pages.samples import png
from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def _open(browser: Browser, url: str, width: int, lang: str, dark: bool) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 760 if width > 400 else 680},
        locale=lang,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    return page


def _talk(phone: Phone) -> None:
    wire = Wire(phone)
    wire.token = phone.lab.new_bot().token
    with wire.http:
        phone.write("Are the tests green?")
        context = wire.context()
        wire.updates(wire.updates()["get_updates_buf"])

        def call(number: str, **item: Any) -> None:
            wire.send(
                "", context, f"tool-{number}-{item['type']}", {"item_list": [item], "run_id": "r"}
            )

        for number, name in (("1", "Bash"), ("2", "Read")):
            start = {"tool_name": name, "tool_call_id": number}
            call(number, type=11, tool_call_start_item=start)
        end = {"tool_name": "Bash", "tool_call_id": "1", "status": "completed"}
        call("1", type=12, tool_call_result_item=end)
        answer = wire.send("Yes: 412 passed in 41 s.\n全部通过 👍", context, "answer")
        assert answer["ret"] == 0
        phone.send_media("image", png(220, 130))
        phone.send_media("file", b"x" * 23_456, file_name="报告.pdf")
        quoted = phone.chat(author="bot", client_id="answer")[0].message_id
        phone.write("Then merge it, please.", quote=quoted, quote_style="id")


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright, running_sandbox(longpoll_seconds=1) as phone:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        _talk(phone)
        for name, width, lang, dark in (
            ("phone", 1280, "en-GB", False),
            ("phone-zh-dark", 375, "zh-CN", True),
        ):
            page = _open(browser, phone.base_url, width, lang, dark)
            page.locator(".line.mine .picture img").wait_for()
            page.get_by_text("Then merge it").wait_for()
            page.screenshot(path=IMAGES / f"{name}.png")
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder) / "weilink"
            log_in(base, phone)
            with running(base, phone, "admin", "-p", "0") as link:
                phone.wait_polling(timeout=20)
                phone.write("Are the tests green?")
                phone.send_media("image", png(220, 130))
                phone.write("May I ask something?", user="bob")
                phone.wait_for(
                    author="user", contains="May I", user="bob", acknowledged=True, timeout=30
                )
                for name, width, lang, dark, view in (
                    ("panel-people", 1280, "en-GB", True, "people"),
                    ("panel-messages", 1280, "en-GB", False, "messages"),
                    ("panel-zh", 375, "zh-CN", False, "bots"),
                ):
                    page = _open(browser, link, width, lang, dark)
                    page.locator(f"[data-tab={view}]").click()
                    page.locator("article").first.wait_for()
                    page.evaluate("document.querySelector('.base').hidden = true")
                    page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
