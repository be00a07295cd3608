"""The SQLite file: one connection, whole transactions."""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import anyio
import anyio.to_thread

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.store.files import private_folder
from weilink.store.migrations import migrate

_P = ParamSpec("_P")
_T = TypeVar("_T")

BUSY_SECONDS = 20.0
"""How long a transaction waits for another process's. Theirs take milliseconds."""

_OF_THE_DISK = ("disk is full", "readonly", "disk I/O", "locked", "unable to open")


class Database:
    """Runs functions on the connection, each as one transaction.

    Several processes share the file; SQLite's WAL mode lets them read while one writes.
    """

    def __init__(self, base_path: Path) -> None:
        self.path = base_path / "weilink.db"
        # Transactions of this process never interleave on the connection.
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._db: sqlite3.Connection | None = None
        self._peek: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, make it when it is not there, and bring its schema up to date.

        Raises:
            WeiLinkError: the file is not a database, or of a newer version, or not accessible.
        """
        try:
            await self._in_thread(lambda: private_folder(self.path.parent))
        except OSError as error:
            raise WeiLinkError(
                t(
                    "the folder {path} cannot be made ({error}); choose another with --base-path "
                    "or WEILINK_BASE_PATH",
                    path=self.path.parent,
                    error=error.strerror or error,
                )
            ) from error
        try:
            self._db = await self._in_thread(self._connect)
        except (sqlite3.DatabaseError, OSError) as error:
            if "locked" in str(error):
                raise WeiLinkError(
                    t(
                        "{path} is in use by another process of WeiLink, which may be bringing "
                        "it up to date; try again in some minutes",
                        path=self.path,
                    )
                ) from error
            raise WeiLinkError(
                t(
                    "{path} cannot be opened as WeiLink's database ({error}); check its owner and "
                    "mode, or move it away to start with an empty one",
                    path=self.path,
                    error=error,
                )
            ) from error

    def _connect(self) -> sqlite3.Connection:
        # SQLite gives -wal and -shm the mode of the database, so making that first is enough.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.path.chmod(0o600)
        db = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA journal_mode = WAL")
        # FULL: a message whose cursor has moved on must survive a power cut.
        db.execute("PRAGMA synchronous = FULL")
        migrate(db)
        return db

    async def aclose(self) -> None:
        """Close the connection; waits for the transaction that is under way."""
        if self._peek is not None:
            self._peek.close()
            self._peek = None
        db, self._db = self._db, None
        if db is not None:
            await self._in_thread(db.close)

    async def write(
        self,
        function: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run `function(connection, ...)` as one transaction that may write."""
        return await self._in_thread(self._transaction, "IMMEDIATE", function, args, kwargs)

    async def read(
        self,
        function: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run `function(connection, ...)` on one consistent state of the data."""
        return await self._in_thread(self._transaction, "DEFERRED", function, args, kwargs)

    def _transaction(
        self,
        kind: str,
        function: Callable[..., _T],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> _T:
        if self._db is None:
            raise RuntimeError("the database is not open")
        try:
            self._db.execute(f"BEGIN {kind}")
            with self._db:
                return function(self._db, *args, **kwargs)
        except sqlite3.OperationalError as error:
            # What is wrong with the disk the user can mend; the rest is a bug of ours.
            if any(reason in str(error) for reason in _OF_THE_DISK):
                raise WeiLinkError(
                    t("{path}: {error}; check free space, owner and mode",
                      path=self.path, error=error)
                ) from error  # fmt: skip
            raise

    def peek(self, query: str) -> bool:
        """Return whether `query` finds a row, without leaving the event loop.

        For a question that an index answers in microseconds and that is asked at every prompt:
        two changes of thread cost more than the answer. Readers never wait in WAL mode.
        """
        return self._peeking().execute(query).fetchone() is not None

    def version(self) -> int:
        """Return a number that is another one after each commit, of whichever process; as cheap."""
        (version,) = self._peeking().execute("PRAGMA data_version").fetchone()
        return int(version)

    def _peeking(self) -> sqlite3.Connection:
        if self._db is None:
            raise RuntimeError("the database is not open")
        if self._peek is None:
            self._peek = sqlite3.connect(self.path, isolation_level=None)
        return self._peek

    async def _in_thread(self, function: Callable[..., _T], *args: object) -> _T:
        """Run `function` in a thread, to its end also when the caller is cancelled.

        A transaction that is under way cannot be taken back, and its caller must learn what it
        did: a claim whose owner never heard of it would hold messages back.
        """
        return await anyio.to_thread.run_sync(
            functools.partial(function, *args), limiter=self._one_at_a_time
        )
