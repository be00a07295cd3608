"""Fixtures that several test folders import into their conftest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess


@pytest.fixture
def phone() -> Iterator[Phone]:
    """The phone of alice, who owns the bot."""
    sandbox = SandboxProcess.start()
    try:
        yield sandbox.phone
    finally:
        sandbox.stop()


@pytest.fixture
def server(phone: Phone, tmp_path: Path) -> Iterator[Server]:
    """A server that is logged in and polls."""
    server = Server.logged_in(tmp_path / "weilink", phone)
    try:
        yield server
    finally:
        server.close()
