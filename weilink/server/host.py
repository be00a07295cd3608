"""The service behind the tools, opened when it is first needed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from weilink.errors import WeiLinkError
from weilink.settings import Settings

if TYPE_CHECKING:
    from weilink.service import Service

logger = logging.getLogger(__name__)

OPEN_AFTER = 0.3
"""Seconds until the service opens although no client has asked for anything yet."""
OPEN_AGAIN = 3.0
"""Seconds until it is tried again to open a service that could not be opened or has failed."""


class Host:
    """Gives the tools their service.

    The service takes longer to open than a client waits for the answer to `initialize`, so a
    server answers first and opens it then.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._wanted = anyio.Event()
        self._settled = anyio.Event()
        self._service: Service | None = None
        self._failure: WeiLinkError | None = None

    def open_soon(self) -> None:
        """Open the service now: nothing is more urgent any more."""
        self._wanted.set()

    async def service(self) -> Service:
        """Return the service, waiting until it is open.

        Raises:
            WeiLinkError: it could not be opened.
        """
        self.open_soon()
        await self._settled.wait()
        if self._service is None:
            raise self._failure or WeiLinkError("WeiLink is ending")
        return self._service

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the service for as long as the block runs; close it behind that."""
        failure: WeiLinkError | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            try:
                yield
            except WeiLinkError as error:
                # Through the task group it would come out wrapped in an ExceptionGroup.
                failure = error
            finally:
                tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _run(self) -> None:
        with anyio.move_on_after(OPEN_AFTER):
            await self._wanted.wait()
        from weilink.server.node import open_node

        while True:
            try:
                async with open_node(self.settings) as service:
                    self._service = service
                    self._settled.set()
                    await anyio.sleep_forever()
            except WeiLinkError as error:
                logger.error("%s", error)
                self._failure = error
            except Exception:
                # A fault: the log has the traceback, the agent keeps a server that can recover.
                logger.exception("the service has failed; opening it again soon")
                self._failure = WeiLinkError(
                    "WeiLink's service has failed and is being opened again; its log on stderr "
                    "has the details. Try again in some seconds"
                )
            finally:
                self._service = None
            # The agent that calls a tool learns of it, and can tell its user.
            self._settled.set()
            await anyio.sleep(OPEN_AGAIN)
