"""What a request of the panel brings: small JSON objects, and files of any size that is allowed."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request

from weilink.errors import UsageError, WeiLinkError
from weilink.server.guard import BODY_LIMIT
from weilink.service.names import safe_name
from weilink.store.files import private_folder

FOLDER = "uploads"
_FORGOTTEN = 24 * 3600.0
_BUFFER = 1 << 20


class GoneError(WeiLinkError):
    """The browser went away before all had come."""


async def json_object(request: Request) -> dict[str, Any] | None:
    """Return the JSON object in the body; `None` when it is something else, or too long."""
    data = bytearray()
    try:
        async for piece in request.stream():
            data += piece
            if len(data) > BODY_LIMIT:
                return None
        body = json.loads(data)
    except (ValueError, RecursionError):
        return None
    except ClientDisconnect:
        raise GoneError("the browser went away") from None
    return body if isinstance(body, dict) else None


async def body(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body.

    Raises:
        UsageError: it is something else.
    """
    found = await json_object(request)
    if found is None:
        raise UsageError("the body is no JSON object")
    return found


def text(given: dict[str, Any], name: str) -> str:
    """Return a text of an object.

    Raises:
        KeyError: it is not there.
        UsageError: it is something else.
    """
    value = given[name]
    if not isinstance(value, str):
        raise UsageError(f"`{name}` is no text")
    return value


def row(given: dict[str, Any]) -> int:
    """Return the number of a part; raises as `text` does."""
    value = given["row"]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise UsageError("`row` is no number of a part")
    return value


@asynccontextmanager
async def uploaded(request: Request, base_path: Path, limit: int) -> AsyncIterator[Path]:
    """Write the body to a file under the base path as it comes; it is gone behind the block.

    It is named after the query's `name`. It is not in the folder of temporary files, which may be
    in memory, or too small.

    Raises:
        UsageError: it is longer than `limit` bytes.
        WeiLinkError: there is no room for it, or not all of it came.
    """
    given = request.headers.get("content-length", "0")
    if given.isdigit() and int(given) > limit:
        raise _too_long(limit)
    name = safe_name(request.query_params.get("name", ""), "file")
    try:
        folder = await anyio.to_thread.run_sync(_new_folder, base_path / FOLDER)
    except OSError as error:
        raise WeiLinkError(f"the file cannot be taken ({error.strerror or error})") from None
    try:
        await _write(request, folder / name, limit)
        yield folder / name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _write(request: Request, path: Path, limit: int) -> None:
    size, waiting = 0, bytearray()
    try:
        # A browser sends pieces of some KB: each by itself would change threads too often.
        async with await anyio.open_file(path, "wb", buffering=0) as file:
            async for piece in request.stream():
                size += len(piece)
                if size > limit:
                    raise _too_long(limit)
                waiting += piece
                if len(waiting) >= _BUFFER:
                    await file.write(bytes(waiting))
                    waiting.clear()
            await file.write(bytes(waiting))
    except ClientDisconnect:
        raise GoneError("the browser went away") from None
    except OSError as error:
        raise WeiLinkError(f"the file cannot be taken ({error.strerror or error})") from None


def _too_long(limit: int) -> UsageError:
    return UsageError(
        f"the file is too large: {limit / 2**20:.0f} MiB are allowed (setting media_limit_mib)"
    )


def _new_folder(parent: Path) -> Path:
    private_folder(parent)
    # What a killed server left behind.
    for path in parent.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - _FORGOTTEN:
                shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=parent))
