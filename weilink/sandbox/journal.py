"""What the sandbox writes down about its clients: requests, violations, refused messages."""

from __future__ import annotations

from collections import deque
from typing import Any

from weilink.sandbox.changes import Clock
from weilink.sandbox.records import Exchange, Note

_SECRET = frozenset(
    {
        "aes_key",
        "aeskey",
        "bot_token",
        "context_token",
        "encrypt_query_param",
        "encrypted_query_param",
        "full_url",
        "local_token_list",
        "typing_ticket",
        "upload_full_url",
        "upload_param",
        "verify_code",
    }
)
CUT = "<cut>"


def without_secrets(value: Any) -> Any:
    """Return JSON data with the values of secret keys replaced."""
    if isinstance(value, dict):
        return {
            key: CUT if key in _SECRET and item else without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


class Journal:
    """Bounded lists, newest last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self.requests: deque[Exchange] = deque(maxlen=5000)
        self.violations: deque[Note] = deque(maxlen=5000)
        self.refusals: deque[Note] = deque(maxlen=5000)

    def request(
        self,
        *,
        at_ms: int,
        method: str,
        path: str,
        query: dict[str, str],
        body: Any,
        status: int | None,
        answer: Any,
        fault: str,
        seconds: float,
    ) -> None:
        """Write a finished request down. `status` is `None` when the connection was dropped."""
        self._count += 1
        self.requests.append(
            Exchange(
                n=self._count,
                at_ms=at_ms,
                method=method,
                path=path,
                query=without_secrets(query),
                body=without_secrets(body),
                status=status,
                answer=without_secrets(answer),
                fault=fault,
                seconds=round(seconds, 4),
            )
        )

    def violation(self, path: str, what: str) -> None:
        """Write down that a client does not keep to the protocol."""
        self.violations.append(Note(self._clock.now_ms(), path, what))

    def refusal(self, path: str, what: str) -> None:
        """Write down why a message was refused; the client is told a number only."""
        self.refusals.append(Note(self._clock.now_ms(), path, what))
