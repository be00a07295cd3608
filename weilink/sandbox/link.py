"""HTTP from a `Phone` or `Lab` to the control API of a sandbox."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from weilink.errors import WeiLinkError

# Beyond the time that a request is held for.
_SPARE_SECONDS = 10.0


class PhoneError(WeiLinkError):
    """The sandbox cannot do what was asked; the text says why."""


class PhoneTimeout(PhoneError):  # noqa: N818  (it reads better where it is caught)
    """What was waited for did not come in time; the text says what is there instead."""


class Link:
    """The connection; it can be shared by threads."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        # The environment's proxies have no business on loopback; and loading the certificate
        # authorities would cost more than everything else, for a connection without TLS.
        self._http = httpx.Client(
            base_url=f"{self.base_url}/_sandbox",
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: bytes | None = None,
        query: dict[str, Any] | None = None,
        hold: float = 0.0,
    ) -> httpx.Response:
        """Make a request that the sandbox may hold for `hold` seconds.

        Raises:
            PhoneError: the sandbox does not answer, or cannot do it.
        """
        params = {key: value for key, value in (query or {}).items() if value is not None}
        try:
            response = self._http.request(
                method,
                path,
                json=body,
                content=content,
                params=params,
                timeout=hold + _SPARE_SECONDS,
            )
        except httpx.TransportError as error:
            raise PhoneError(f"the sandbox at {self.base_url} does not answer: {error}") from None
        if response.status_code == 400:
            raise PhoneError(response.json()["error"])
        response.raise_for_status()
        return response

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Make a request and return the JSON of its answer."""
        return self.call(method, path, **options).json()
