from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.clients import Http, Process, Stdio, environment
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.store.credentials import BotSession, Credentials

_users = itertools.count(1)
Starter = Callable[..., Stdio]
HttpStarter = Callable[..., Http]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    """One WeChat for all tests of this folder; each test or module has a user of its own."""
    process = SandboxProcess.start()
    yield process
    process.stop()


@pytest.fixture
def phone(sandbox: SandboxProcess) -> Iterator[Phone]:
    with Phone(sandbox.phone.base_url, user=f"user-{next(_users)}") as phone:
        yield phone


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base"


@pytest.fixture
def env(base: Path, phone: Phone) -> dict[str, str]:
    """The environment of a base path that is logged in as a bot of the phone's user."""
    log_in(base, phone)
    return environment(base, phone.environment)


def log_in(base: Path, phone: Phone, name: str = "default") -> str:
    """Put a bot session of the phone's user under a base path, and return the bot's id."""
    bot = phone.lab.new_bot()
    session = BotSession(name, bot.bot_id, bot.user_id, bot.base_url, bot.token, 1.0)
    Credentials(base).save(session)
    return bot.bot_id


@contextmanager
def client_of(base: Path, phone: Phone) -> Iterator[Stdio]:
    """Run one server for a whole module: logged in, polling, its handshake done."""
    log_in(base, phone)
    started = Stdio(environment(base, phone.environment), log=base.parent / "log")
    try:
        started.handshake()
        phone.wait_polling()
        yield started
    finally:
        started.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[list[Process]]:
    """The processes of a test; ended with it."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.close()


@pytest.fixture
def stdio(tmp_path: Path, running: list[Process], request: pytest.FixtureRequest) -> Starter:
    """Start `weilink mcp` and do the handshake: `stdio(*arguments, env=..., version=...)`."""

    def start(
        *arguments: str,
        env: dict[str, str] | None = None,
        version: str = "2025-11-25",
        over_socket: bool = False,
        **capabilities: object,
    ) -> Stdio:
        given = request.getfixturevalue("env") if env is None else env
        log = tmp_path / f"{len(running)}.log"
        client = Stdio(given, *arguments, log=log, over_socket=over_socket)
        running.append(client)
        if version:
            client.handshake(version, **capabilities)
        return client

    return start


@pytest.fixture
def http(tmp_path: Path, running: list[Process], request: pytest.FixtureRequest) -> HttpStarter:
    """Start `weilink mcp -t http` on a free port: `http(*arguments, env=...)`."""

    def start(*arguments: str, env: dict[str, str] | None = None) -> Http:
        given = request.getfixturevalue("env") if env is None else env
        server = Http(given, *arguments, log=tmp_path / f"{len(running)}.log")
        running.append(server)
        return server

    return start
