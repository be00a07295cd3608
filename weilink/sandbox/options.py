"""What about the sandbox can be set while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass
class Options:
    """The switches of the sandbox; docs/sandbox.md says what each is for."""

    longpoll_seconds: float = 35.0
    login_poll_seconds: float = 35.0
    login_life_seconds: float = 300.0
    pair_code: bool = False
    pair_code_attempts: int = 3
    redirect: bool = False
    batch_size: int = 50
    replies_per_token: int = 10
    token_life_seconds: float = 86400.0
    silent_when_expired: bool = False
    dedupe_client_id: bool = True
    typing_spends_reply: bool = False
    echo_sent: bool = False
    upload_full_url: bool = False
    media_full_url: bool = False

    def update(self, changes: dict[str, Any]) -> None:
        """Set the options named in `changes`, all or none.

        Raises:
            ValueError: a name is unknown or a value is of the wrong type.
        """
        known = asdict(Options())
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown option '{name}'; there are {', '.join(sorted(known))}")
            wanted = type(known[name])
            right = isinstance(value, (int, float)) and not isinstance(value, bool)
            if wanted is bool:
                right = isinstance(value, bool)
            elif wanted is int:
                right = right and isinstance(value, int)
            if not right or (wanted is not bool and value < 0):
                raise ValueError(f"option '{name}' takes {wanted.__name__}, not {value!r}")
        if changes.get("batch_size") == 0:
            raise ValueError("option 'batch_size' is at least 1: else no message ever comes")
        for field in fields(self):
            if field.name in changes:
                setattr(self, field.name, type(known[field.name])(changes[field.name]))
