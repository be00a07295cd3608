"""One place to wait for news, whether this process made them or another one did."""

from __future__ import annotations

import logging

import anyio

from weilink.store import Store

logger = logging.getLogger(__name__)

_LOOK_EVERY = 1.0


class Changes:
    """Wakes everybody who waits when the data may have changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._event = anyio.Event()
        self._seen: object = None

    def notify(self) -> None:
        """Wake everybody who waits now."""
        event, self._event = self._event, anyio.Event()
        event.set()

    @property
    def next(self) -> anyio.Event:
        """The event of the next change. Take it before looking at the data, then wait for it."""
        return self._event

    async def run(self) -> None:
        """Pass on the changes of other processes, until cancelled."""
        stop = anyio.Event()
        self._seen = self._store.version()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_set_when_cancelled, stop)
            tasks.start_soon(self._look)
            try:
                async for _ in self._store.watch(stop):
                    self._seen = self._store.version()
                    self.notify()
            except Exception as error:  # noqa: BLE001  (whatever it is, looking works)
                # The system watches no more files for this user, or the file system cannot.
                logger.warning("changes are looked for every second (%s)", error)
                while True:
                    await anyio.sleep(_LOOK_EVERY)
                    self.notify()

    async def _look(self) -> None:
        """Find what the watcher missed.

        It forgets a change that comes in the moment in which it hands over others (watchfiles
        1.3, seen on a busy machine), and whoever waits for that one would wait in vain.
        """
        while True:
            await anyio.sleep(_LOOK_EVERY)
            if (version := self._store.version()) != self._seen:
                self._seen = version
                self.notify()


async def _set_when_cancelled(event: anyio.Event) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        event.set()


async def wait(event: anyio.Event, seconds: float) -> None:
    """Wait for `event`, at most `seconds`."""
    with anyio.move_on_after(max(seconds, 0)):
        await event.wait()
