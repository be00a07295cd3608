"""The media service: ciphertext up, ciphertext down, as streams."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

import anyio
import httpx

from weilink.ilink.errors import ILinkError
from weilink.ilink.hosts import Target, check_url, targets
from weilink.ilink.models import Media

logger = logging.getLogger(__name__)

TRIES = 3
"""Tries of one upload or download (client 2.4.9); an answer of 4xx is final."""
PAUSE = 0.5
"""Seconds before the second try; twice as long before the third."""
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)

Pieces = Callable[[], AsyncGenerator[bytes, None]]
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
        check_url(full_url, self._base_url)
        return full_url

    async def download_url(self, media: Media) -> str:
        """Return where a file is.

        Raises:
            ForbiddenUrlError: the message names a foreign place.
            MediaError: the message does not say where it is.
        """
        if media.full_url:
            check_url(media.full_url, self._base_url)
            return media.full_url
        if not media.encrypt_query_param:
            raise MediaError(
                "the message does not say where its media is; ask for it to be sent again",
                final=True,
            )
        query = f"encrypted_query_param={_component(media.encrypt_query_param)}"
        return f"{self._base_url}/download?{query}"

    async def upload(self, url: str, size: int, pieces: Pieces) -> str:
        """POST `size` bytes of ciphertext; return the reference to download them by.

        Raises:
            ForbiddenUrlError: the host of `url` turned out to be a local one.
            MediaError: it was refused, or failed three times.
        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        for attempt in range(1, TRIES + 1):
            try:
                async with self._answer("upload", "POST", url, headers, pieces) as answer:
                    return _reference(answer)
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
            ForbiddenUrlError: the host of `url` turned out to be a local one.
            MediaError: it was refused, or the connection failed, also while reading.
        """
        # identity: what is counted must be what comes, and ciphertext does not compress.
        headers = {"Accept-Encoding": "identity"}
        async with self._answer("download", "GET", url, headers) as answer:
            _check_status("download", answer)
            declared = answer.headers.get("content-length", "")
            size = int(declared) if declared.isdigit() else None
            yield size, answer.aiter_raw()

    @asynccontextmanager
    async def _answer(
        self,
        what: str,
        method: str,
        url: str,
        headers: dict[str, str],
        pieces: Pieces | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request to the first address that can be reached; give the answer's head."""
        try:
            places = await targets(url, self._base_url)
        except OSError as error:
            raise MediaError(f"{what}: the media host has no address", final=False) from error
        try:
            answer = await self._send(method, places, headers, pieces)
            try:
                yield answer
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MediaError(f"{what}: {_reason(error)}", final=False) from error

    async def _send(
        self, method: str, places: list[Target], headers: dict[str, str], pieces: Pieces | None
    ) -> httpx.Response:
        for place in places:
            content = pieces() if pieces else None
            request = self._http.build_request(
                method,
                place.url,
                headers=headers | place.headers,
                content=content,
                timeout=_TIMEOUT,
                extensions=place.extensions,
            )
            try:
                # Redirects are not followed: they could lead anywhere.
                return await self._http.send(request, stream=True, follow_redirects=False)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if place is places[-1]:
                    raise
            finally:
                if content is not None:
                    # Cancelled in the middle, nobody else would close the file it reads.
                    with anyio.CancelScope(shield=True):
                        await content.aclose()
        raise AssertionError("unreachable")


def _component(text: str) -> str:
    """Escape as `encodeURIComponent` does."""
    return quote(text, safe="!'()*~")


def _reason(error: httpx.HTTPError | httpx.InvalidURL) -> str:
    return f"the media service gives no answer ({str(error) or type(error).__name__})"


def _check_status(what: str, answer: httpx.Response) -> None:
    status = answer.status_code
    if 200 <= status < 300:
        return
    said = answer.headers.get("x-error-message", "")[:200]
    reason = f"HTTP {status}" + (f", {said}" if said else "")
    if status in (403, 404, 410) and what == "download":
        reason += "; WeChat keeps media for some days only, ask for it to be sent again"
    raise MediaError(f"{what}: the media service refused ({reason})", final=status < 500)


def _reference(answer: httpx.Response) -> str:
    _check_status("upload", answer)
    if reference := answer.headers.get("x-encrypted-param", ""):
        return str(reference)
    raise MediaError("upload: the media service gave no reference to the file", final=False)
