"""The media service: ciphertext up, ciphertext down, as streams."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

import anyio
import httpx

from weilink.ilink.errors import ILinkError
from weilink.ilink.hosts import check_addresses, check_url
from weilink.ilink.models import Media

logger = logging.getLogger(__name__)

TRIES = 3
"""Tries of one upload or download (client 2.4.9); an answer of 4xx is final."""
PAUSE = 0.5
"""Seconds before the second try; twice as long before the third."""
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)

Pieces = Callable[[], AsyncIterator[bytes]]
"""Gives the bytes of a file from its beginning, as often as it is called."""


class MediaError(ILinkError):
    """The media service refused, or could not be reached.

    Attributes:
        final: trying again will not help.
        too_large: the file is over the limit of the settings.
    """

    def __init__(self, message: str, *, final: bool, too_large: bool = False) -> None:
        super().__init__(message)
        self.final = final
        self.too_large = too_large


class Cdn:
    """Speaks to the media service at `base_url`."""

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = http

    async def upload_url(self, full_url: str, param: str, filekey: str) -> str:
        """Return where to upload to, from the answer of `getuploadurl`.

        Raises:
            ForbiddenUrlError: the service named a foreign place.
        """
        if not full_url:
            query = f"encrypted_query_param={_component(param)}&filekey={_component(filekey)}"
            return f"{self._base_url}/upload?{query}"
        await self._check(full_url)
        return full_url

    async def download_url(self, media: Media) -> str:
        """Return where a file is.

        Raises:
            ForbiddenUrlError: the message names a foreign place.
            MediaError: the message does not say where it is.
        """
        if media.full_url:
            await self._check(media.full_url)
            return media.full_url
        if not media.encrypt_query_param:
            raise MediaError("the message does not say where its media is", final=True)
        query = f"encrypted_query_param={_component(media.encrypt_query_param)}"
        return f"{self._base_url}/download?{query}"

    async def _check(self, url: str) -> None:
        if not check_url(url, self._base_url):
            await check_addresses(url)

    async def upload(self, url: str, size: int, pieces: Pieces) -> str:
        """POST `size` bytes of ciphertext; return the reference to download them by.

        Raises:
            MediaError: it was refused, or failed three times.
        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        for attempt in range(1, TRIES + 1):
            try:
                answer = await self._http.post(
                    url, content=pieces(), headers=headers, timeout=_TIMEOUT
                )
                return _reference(answer)
            except httpx.HTTPError as error:
                problem = MediaError(f"upload: {_reason(error)}", final=False)
            except MediaError as error:
                problem = error
            if problem.final or attempt == TRIES:
                raise problem
            logger.info("%s; try %d of %d follows", problem, attempt + 1, TRIES)
            await anyio.sleep(PAUSE * attempt)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def download(self, url: str) -> AsyncIterator[tuple[int | None, AsyncIterator[bytes]]]:
        """GET a file: its size when the service tells it, and its bytes. One try.

        Raises:
            MediaError: it was refused, or the connection failed, also while reading.
        """
        try:
            # identity: what is counted must be what comes, and ciphertext does not compress.
            async with self._http.stream(
                "GET", url, headers={"Accept-Encoding": "identity"}, timeout=_TIMEOUT
            ) as answer:
                _check_status("download", answer)
                declared = answer.headers.get("content-length", "")
                size = int(declared) if declared.isdigit() else None
                yield size, answer.aiter_raw()
        except httpx.HTTPError as error:
            raise MediaError(f"download: {_reason(error)}", final=False) from error


def _component(text: str) -> str:
    """Escape as `encodeURIComponent` does."""
    return quote(text, safe="!'()*~")


def _reason(error: httpx.HTTPError) -> str:
    return f"the media service gives no answer ({str(error) or type(error).__name__})"


def _check_status(what: str, answer: httpx.Response) -> None:
    status = answer.status_code
    if 200 <= status < 300:
        return
    said = answer.headers.get("x-error-message", "")[:200]
    reason = f"HTTP {status}" + (f", {said}" if said else "")
    if status in (403, 404, 410) and what == "download":
        reason += "; WeChat keeps media for some days only, ask for it to be sent again"
    # A redirect is not followed: it could lead anywhere.
    raise MediaError(f"{what}: the media service refused ({reason})", final=status < 500)


def _reference(answer: httpx.Response) -> str:
    _check_status("upload", answer)
    if reference := answer.headers.get("x-encrypted-param", ""):
        return str(reference)
    raise MediaError("upload: the media service gave no reference to the file", final=False)
