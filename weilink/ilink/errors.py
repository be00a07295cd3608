"""What can go wrong between us and the iLink service."""

from __future__ import annotations

from weilink.errors import WeiLinkError

STALE_TOKEN = -14
"""`errcode` of a bot token that is no longer valid (client 2.4.9)."""
REFUSED = -2
"""`ret` of a send whose context token is spent, dead or missing, or whose text is too long."""


class ILinkError(WeiLinkError):
    """Base of every failure of a call to iLink."""


class NetworkError(ILinkError):
    """The service could not be reached, or its answer did not arrive.

    Attributes:
        maybe_done: the request had left, so the service may have acted on it.
    """

    def __init__(self, message: str, *, maybe_done: bool) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done


class AnswerError(ILinkError):
    """The service answered with something that is not the JSON object it promises."""


class ServiceError(ILinkError):
    """The service answered and refused.

    Attributes:
        endpoint: what was called.
        code: `errcode` when it is set, else `ret`, else the HTTP status.
    """

    def __init__(self, endpoint: str, code: int, message: str) -> None:
        super().__init__(f"iLink refused {endpoint}: {message or 'no reason given'} ({code})")
        self.endpoint = endpoint
        self.code = code


class StaleTokenError(ServiceError):
    """The bot's login is no longer valid; a new login cures it at once."""


class RefusedError(ServiceError):
    """`ret` -2: no live context token, its replies spent, or the text too long."""
