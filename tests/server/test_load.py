"""Many clients for a minute: one poller, every message to exactly one client, steady memory."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.sse import sse_client

from tests.server.clients import Http, Stdio
from tests.server.conftest import HttpStarter, Starter
from weilink.sandbox.phone import Phone

pytestmark = pytest.mark.slow

STDIO_SERVERS = 10
HTTP_CLIENTS = 50
SECONDS = 60
PAUSE = 0.25
"""Seconds between two messages of the phone."""
GROWTH = 1.15
"""What a process may grow by after its first third: caches, not a leak."""


def kilobytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


class Received:
    """What all clients got."""

    def __init__(self) -> None:
        self.texts: Counter[str] = Counter()
        self.by: Counter[str] = Counter()
        self.done = threading.Event()
        self._lock = threading.Lock()

    def add(self, client: str, result: dict[str, Any]) -> None:
        with self._lock:
            for message in result["messages"]:
                self.texts[message["text"]] += 1
                self.by[client] += 1


def test_many_clients(stdio: Starter, http: HttpStarter, phone: Phone) -> None:
    server = http()
    bot = phone.wait_polling().bot_id
    pipes = [stdio() for _ in range(STDIO_SERVERS)]
    received = Received()
    written: list[str] = []
    half = threading.Event()
    memory: dict[int, list[int]] = {p.process.pid: [] for p in [server, *pipes]}

    def write() -> None:
        began = threading.Event()
        rounds = int(SECONDS / PAUSE)
        for number in range(rounds):
            began.wait(PAUSE)
            phone.write(f"message {number}")
            written.append(f"message {number}")
            if number == rounds // 2:
                half.set()
            if number in (rounds // 3, rounds - 1):
                for pid, sizes in memory.items():
                    sizes.append(kilobytes(pid))
        phone.wait_for(author="user", count=rounds, acknowledged=True, timeout=30)
        while sum(received.texts.values()) < rounds and not began.wait(0.1):
            if received.done.is_set():
                return
        received.done.set()

    def take(client: Stdio, name: str) -> None:
        # In the first half the clients over HTTP have the messages for themselves: a process of
        # its own is otherwise always a little faster than one of fifty clients of one process.
        while not half.wait(1):
            client.call("sessions")
        while not received.done.is_set():
            received.add(name, client.call("recv", timeout=1))

    threads = [
        threading.Thread(target=take, args=(client, f"stdio {number}"))
        for number, client in enumerate(pipes)
    ]
    threads.append(threading.Thread(target=write))
    giving_up = threading.Timer(SECONDS + 60, received.done.set)
    giving_up.start()
    for thread in threads:
        thread.start()
    try:
        anyio.run(take_over_http, server, received)
    finally:
        half.set()
        received.done.set()
        giving_up.cancel()
        for thread in threads:
            thread.join(30)

    assert received.texts == Counter(written)
    (state,) = [one for one in phone.state().bots if one.bot_id == bot]
    assert state.most_pollers == 1
    assert phone.lab.violations() == []
    kinds = Counter(name.partition(" ")[0] for name in received.by.elements())
    assert set(kinds) == {"stdio", "modern", "session", "sse"}, kinds
    for pid, (early, late) in memory.items():
        assert late <= early * GROWTH, (pid, early, late)
    for process in [server, *pipes]:
        assert "Traceback" not in process.log_text()
        assert "ERROR" not in process.log_text()


async def take_over_http(server: Http, received: Received) -> None:
    async def take(client: Client, name: str) -> None:
        async with client:
            while not received.done.is_set():
                result = await client.call_tool("recv", {"timeout": 1})
                assert result.structured_content is not None, result
                received.add(name, result.structured_content)

    async with anyio.create_task_group() as tasks:
        for number in range(HTTP_CLIENTS):
            if number % 5 == 0:
                client, name = (
                    Client(sse_client(f"{server.url}/sse", timeout=30), mode="legacy"),
                    "sse",
                )
            elif number % 5 == 1:
                client, name = Client(f"{server.url}/mcp", mode="legacy"), "session"
            else:
                client, name = Client(f"{server.url}/mcp"), "modern"
            tasks.start_soon(take, client, f"{name} {number}")
