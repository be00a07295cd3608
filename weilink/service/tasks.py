"""Work with something running beside it, without exceptions that come out wrapped."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


async def beside(work: Callable[[], Awaitable[_T]], other: Callable[[], Awaitable[object]]) -> _T:
    """Return what `work` returns, or raise what it raises; `other` runs as long.

    A task group would wrap the exception of `work` into a group, which nobody who handles
    `ILinkError` would recognise. `other` only supports: should it fail, the log says so.
    """
    failure: Exception | None = None
    result: list[_T] = []

    async def supporting() -> None:
        try:
            await other()
        except Exception:
            logger.exception("what runs beside a call failed")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supporting)
        try:
            result.append(await work())
        except Exception as error:  # noqa: BLE001  (raised again below)
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return result[0]
