"""A panel on a sandbox of its own, for the tests of the panel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.pages.conftest import Opener
from tests.pages.faces import running
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

COMBINATIONS = [("en", 1280, False), ("zh", 375, False), ("en", 375, True), ("zh", 1280, True)]
FOUR = pytest.mark.parametrize(("lang", "width", "dark"), COMBINATIONS)
"""Both languages at both widths; light and dark."""


@pytest.fixture
def phone() -> Iterator[Phone]:
    with running_sandbox(longpoll_seconds=1, login_poll_seconds=0.2) as phone:
        yield phone


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base 数据"


@pytest.fixture
def link(open_page: Opener, base: Path, phone: Phone) -> Iterator[str]:
    """The login link of a running panel."""
    with running(base, phone, "admin", "-p", "0") as link:
        yield link
        open_page.close()  # before the server, whose end the page would complain of


def view(page: Page, name: str) -> None:
    page.locator(f"[data-tab={name}]").click()
