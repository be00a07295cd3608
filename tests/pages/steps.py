"""What the tests of the phone page share: who takes part, and what they do over and over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Opener, Words
from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess, running_sandbox

VIEWS = pytest.mark.parametrize(
    ("lang", "width", "dark"),
    [("en", 1280, False), ("en", 375, True), ("zh", 1280, True), ("zh", 375, False)],
)
"""Both languages at both widths; each language and each width in light and in dark."""


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


def close_drawer(page: Page) -> None:
    closer = page.locator(".drawer-close button")
    if closer.is_visible():
        closer.click()


@contextmanager
def bare_sandbox(folder: Path, user: str = "alice") -> Iterator[Phone]:
    """Run a sandbox beside which the optional libraries are not installed."""
    for name in ("pysilk", "zxingcpp"):
        (folder / f"{name}.py").write_text("raise ImportError('not installed')\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        sandbox = SandboxProcess.start(user=user)
    try:
        sandbox.phone.lab.set_options(longpoll_seconds=0.2, login_poll_seconds=0.2)
        yield sandbox.phone
    finally:
        sandbox.stop()
