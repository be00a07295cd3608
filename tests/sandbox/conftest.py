from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.sandbox.wire import Wire
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess

_users = itertools.count(1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One process for the tests of a module; a test that needs it clean uses its own user."""
    process = SandboxProcess.start()
    yield process
    process.stop()


@pytest.fixture
def phone(sandbox: SandboxProcess) -> Iterator[Phone]:
    """A phone of a user of this test's own, with short polls, no faults and an empty journal."""
    defaults = sandbox.phone.state().options
    with Phone(sandbox.phone.base_url, user=f"user-{next(_users)}") as phone:
        phone.lab.set_options(longpoll_seconds=0.2, login_poll_seconds=0.2)
        phone.lab.clear_journal()
        yield phone
        phone.lab.clear_faults()
        phone.lab.set_options(**defaults)


@pytest.fixture
def wire(phone: Phone) -> Iterator[Wire]:
    """A client that is logged in as a bot of the phone's user."""
    client = Wire(phone, phone.lab.new_bot())
    with client.http:
        yield client


@pytest.fixture
def client(phone: Phone) -> Iterator[Wire]:
    """A client before its login."""
    client = Wire(phone)
    with client.http:
        yield client
