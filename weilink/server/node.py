"""One process of WeiLink: the service, change notices, and leadership when it is free."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from weilink.service import Service, open_service
from weilink.service.leading import lead_when_possible
from weilink.settings import Settings


@asynccontextmanager
async def open_node(settings: Settings) -> AsyncIterator[Service]:
    """Open the service and take part: learn of changes, and lead when nobody else does."""
    failure: Exception | None = None
    async with open_service(settings) as service:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(service.changes.run)
            tasks.start_soon(lead_when_possible, settings.base_path, lambda: _lead(service))
            try:
                yield service
            except Exception as error:  # noqa: BLE001  (raised again below)
                # Through the task group it would come out wrapped in an ExceptionGroup.
                failure = error
            finally:
                tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure


async def _lead(service: Service) -> None:
    # uvicorn and starlette are needed by the leader alone.
    from weilink.server.endpoint import RecvEndpoint

    await service.leader.run(RecvEndpoint(service).run)
