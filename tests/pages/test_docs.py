"""The description of the REST server in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pages.axe import findings
from tests.pages.conftest import Opener, Words
from tests.pages.faces import log_in, running
from tests.pages.panel import COMBINATIONS
from weilink.sandbox.process import running_sandbox

pytestmark = pytest.mark.browser
TOKEN = "a-long-secret-of-the-tests-0123456789"


def test_a_tool_is_called_from_the_description(open_page: Opener, tmp_path: Path) -> None:
    base = tmp_path / "base"
    with running_sandbox() as phone:
        log_in(base, phone)
        with running(base, phone, "openapi", "-p", "0", WEILINK_TOKEN=TOKEN) as url:
            for lang, width, dark in COMBINATIONS:
                call_history(
                    open_page(f"{url}/docs", width=width, lang=lang, dark=dark), Words(lang)
                )
            open_page.close()


def call_history(page: Page, say: Words) -> None:
    expect(page.locator(".tool")).to_have_count(9)
    assert findings(page) == []
    page.get_by_label(say("Bearer token")).fill(TOKEN)
    history = page.locator(".tool", has_text="/tools/default/history")
    history.locator("summary").first.click()
    history.get_by_label(re.compile("^limit")).fill("7")
    history.get_by_role("button", name=say("Call it")).click()
    expect(history.get_by_role("status")).to_contain_text('"limit": 7')
    expect(history.locator(".copyable")).to_contain_text('{"limit":7}')
    # The token is asked of the shell: it must not stand in what somebody copies.
    assert TOKEN not in page.locator("main").inner_text()
    assert findings(page) == []
