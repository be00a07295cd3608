"""A client that is not ours, and a person at the phone page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Opener
from tests.pages.samples import png
from tests.sandbox.test_sdk import driver
from tests.sandbox.test_sdk import python as python  # the environment with the client
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def phone(open_page: Opener) -> Iterator[Phone]:
    # A poll of its login is held as long as this, and it pauses two seconds between two.
    with running_sandbox(longpoll_seconds=1, login_poll_seconds=20) as phone:
        yield phone
        open_page.close()


def test_wechatbot_sdk_logs_in_and_chats_with_the_page(
    open_page: Opener, phone: Phone, python: str, tmp_path: Path
) -> None:
    page = open_page(phone.base_url)
    with driver(python, phone, tmp_path):
        page.get_by_role("button", name="Scan as alice").click(timeout=20_000)
        page.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_text("client is listening")).to_be_visible(timeout=20_000)
        field = page.get_by_label("Write to the bot")
        field.fill("hello")
        page.keyboard.press("Enter")
        expect(page.locator(".line.theirs", has_text="你好")).to_be_visible(timeout=20_000)
        expect(page.locator(".line.theirs", has_text="报告.pdf")).to_be_visible(timeout=20_000)
        page.set_input_files(
            "input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": png()}
        )
        page.get_by_role("button", name="Send", exact=True).click()
        # It sends back what it was sent, from its last byte to its first.
        back = page.locator(".line.theirs .file").nth(1)
        with page.expect_download() as saving:
            back.click(timeout=20_000)
        assert saving.value.path().read_bytes() == png()[::-1]
        expect(page.locator(".delivery", has_text="Received")).to_have_count(2, timeout=20_000)
        field.fill("stop")
        page.keyboard.press("Enter")
        expect(page.get_by_text("no client listens")).to_be_visible(timeout=20_000)
