from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from weilink.errors import WeiLinkError
from weilink.service.changes import Changes
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.history import Query
from weilink.store.models import Delivery, NewMessage

pytestmark = pytest.mark.anyio
SESSION = BotSession("work", "bot", "user", "http://127.0.0.1:1", "token", 1.0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def new(n: int) -> NewMessage:
    return NewMessage(str(n), "u", "TEXT", "x" * 1000, 0, "", Delivery.PENDING, {})


async def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await store.inbox.commit_batch("b", "one", [new(1)])
        await store._db.write(lambda db: db.execute("PRAGMA max_page_count = 60").fetchone())
        with pytest.raises(WeiLinkError, match="free space"):
            await store.inbox.commit_batch("b", "two", [new(n) for n in range(2, 500)])
        # Neither half of the batch nor its cursor.
        assert (await store.bots.get("b")).cursor == "one"
        assert (await store.history.find(Query())).total == 1


async def test_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "weilink.db").write_bytes(b"something else" * 1000)
    with pytest.raises(WeiLinkError, match="cannot be opened"):
        async with Store(tmp_path):
            pass


async def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    async with Store(tmp_path):
        pass
    db = sqlite3.connect(tmp_path / "weilink.db")
    db.execute("INSERT INTO migrations VALUES ('m999_future', 0)")
    db.commit()
    db.close()
    with pytest.raises(WeiLinkError, match="newer WeiLink"):
        async with Store(tmp_path):
            pass


async def test_another_process_brings_the_database_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes meanwhile is told so, not to move the database away; who knows it all reads."""
    async with Store(tmp_path):
        pass
    other = sqlite3.connect(tmp_path / "weilink.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("weilink.store.database.BUSY_SECONDS", 0.1)
    async with Store(tmp_path) as store:
        assert (await store.history.find(Query())).total == 0
    other.execute("DELETE FROM migrations WHERE name = 'm014_reserve'")
    other.execute("COMMIT")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(WeiLinkError, match="try again in some minutes"):
        async with Store(tmp_path):
            pass
    other.execute("ROLLBACK")
    other.close()


async def test_changes_without_a_file_watcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of files that a user may watch is limited, and used up by editors."""
    async with Store(tmp_path) as store:

        def watch(stop: anyio.Event) -> object:
            raise OSError("inotify watch limit reached")

        monkeypatch.setattr(store, "watch", watch)
        changes = Changes(store)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(changes.run)
            with anyio.fail_after(5):
                await changes.next.wait()
            tasks.cancel_scope.cancel()


async def test_changes_that_the_file_watcher_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """watchfiles loses a change that comes while it hands over others."""
    async with Store(tmp_path) as store, Store(tmp_path) as other:

        async def watch(stop: anyio.Event) -> AsyncIterator[None]:
            await stop.wait()
            yield

        monkeypatch.setattr(store, "watch", watch)
        monkeypatch.setattr("weilink.service.changes._LOOK_EVERY", 0.05)
        changes = Changes(store)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(changes.run)
            await anyio.wait_all_tasks_blocked()
            make: list[Callable[[], Awaitable[None]]] = [
                lambda: other.preferences.set("x", "y"),
                lambda: anyio.to_thread.run_sync(other.credentials.save, SESSION),
                lambda: anyio.to_thread.run_sync(other.credentials.remove, "work"),
            ]
            for change in make:
                changed = changes.next
                await change()
                with anyio.fail_after(5):
                    await changed.wait()
            tasks.cancel_scope.cancel()


def test_private_whatever_the_umask(tmp_path: Path) -> None:
    code = (
        "import anyio, os, sys; from pathlib import Path; from weilink.store import Store\n"
        "os.umask(0)\n"
        "async def main():\n"
        "    async with Store(Path(sys.argv[1]) / 'a' / 'b') as store:\n"
        "        await store.preferences.set('x', 'y')\n"
        "anyio.run(main)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    for path in (tmp_path / "a").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
