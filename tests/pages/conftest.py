from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.pages.chromium import FLAGS, chromium

LOCAL = ("127.0.0.1", "localhost")
ROOT = Path(__file__).parents[2]
WORDS = [
    *(ROOT / "weilink/web/static/words").glob("zh.json"),
    *(ROOT / "weilink").glob("*/page/words/zh.json"),
    *(ROOT / "weilink").glob("server/*/page/words/zh.json"),
]


class Words:
    """What the page calls a thing, in the language of the test."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._zh: dict[str, str] = {}
        for path in WORDS:
            self._zh |= json.loads(path.read_text("utf-8"))

    def __call__(self, text: str, **values: object) -> str:
        found = self._zh[text] if self.language == "zh" else text
        return found.format(**values) if values else found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        browser.close()


class Opener:
    """Opens pages that must stay clean: no error in the console, nothing asked of elsewhere."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._stack = ExitStack()
        self.errors: list[str] = []

    def __call__(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        lang: str = "en",
        dark: bool = False,
    ) -> Page:
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            locale={"en": "en-GB", "zh": "zh-CN"}[lang],
            color_scheme="dark" if dark else "light",
            permissions=["microphone", "camera", "clipboard-write", "clipboard-read"],
            reduced_motion="reduce",
        )
        self._stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(10_000)

        def asked(request: Request) -> None:
            parts = urlsplit(request.url)
            if parts.scheme in ("http", "https") and parts.hostname not in LOCAL:
                self.errors.append(f"asked {request.url}")

        context.on("request", asked)
        page.on("pageerror", lambda error: self.errors.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: (
                self.errors.append(f"console: {message.text} {message.location}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.goto(url)
        return page

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    opener = Opener(browser)
    try:
        yield opener
    finally:
        opener.close()
    assert opener.errors == []


def wait_js(page: Page, condition: str, seconds: float = 10) -> None:
    """Wait until a JavaScript expression is true in the page.

    Playwright's own way evaluates a string in the page, which a strict page does not allow.
    """
    page.evaluate(
        f"""new Promise((done, failed) => {{
            const end = performance.now() + {seconds * 1000};
            const look = () => {{
                if ({condition}) done();
                else if (performance.now() > end) failed(new Error("still not"));
                else setTimeout(look, 20);
            }};
            look();
        }})"""
    )
