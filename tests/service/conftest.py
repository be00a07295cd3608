from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.service import Service, open_service
from weilink.settings import Settings, load

_users = itertools.count(1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    process = SandboxProcess.start()
    yield process
    process.stop()


@pytest.fixture
def phone(sandbox: SandboxProcess) -> Iterator[Phone]:
    """A phone of a user of this test's own, with short polls and no faults."""
    defaults = sandbox.phone.state().options
    with Phone(sandbox.phone.base_url, user=f"user-{next(_users)}") as phone:
        phone.lab.set_options(longpoll_seconds=0.2, login_poll_seconds=0.2)
        yield phone
        phone.lab.clear_faults()
        phone.lab.set_options(**defaults)


@pytest.fixture
def settings(phone: Phone, tmp_path: Path) -> Settings:
    return load(
        base_path=tmp_path / "base",
        ilink_base_url=phone.base_url,
        cdn_base_url=phone.cdn_base_url,
    )


async def log_in(service: Service, phone: Phone, name: str = "default") -> None:
    login = await service.logins.begin(name, service.client_for_login())
    await login.start()
    await anyio.to_thread.run_sync(phone.log_in)
    while login.credentials is None:
        await login.poll()
    await service.logins.complete(name, login.credentials)


@asynccontextmanager
async def leading(service: Service) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.changes.run)
        tasks.start_soon(service.leader.run)
        yield
        tasks.cancel_scope.cancel()


@pytest.fixture
async def service(settings: Settings, phone: Phone) -> AsyncIterator[Service]:
    """A service that is logged in. Nobody leads: `leading` does."""
    async with open_service(settings) as service:
        await log_in(service, phone)
        yield service


async def written(service: Service, phone: Phone, text: str = "hello") -> str:
    """Let the phone write, wait until it is stored, return the id of the message."""
    message = await anyio.to_thread.run_sync(phone.write, text)
    return await stored(service, message.message_id)


async def stored(service: Service, message_id: str) -> str:
    with anyio.fail_after(10):
        while await service.store.history.get(message_id) is None:
            changed = service.changes.next
            if await service.store.history.get(message_id) is None:
                with anyio.move_on_after(0.2):
                    await changed.wait()
    return message_id
