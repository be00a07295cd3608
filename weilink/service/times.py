"""Times as people write them."""

from __future__ import annotations

from datetime import datetime, timezone

from weilink.errors import UsageError


def moment(name: str, value: str) -> int | None:
    """Return a time given as ISO 8601 or as milliseconds since 1970; `None` when empty.

    Raises:
        UsageError: it is neither; `name` is the parameter to name.
    """
    if not value:
        return None
    try:
        if value.isdecimal():
            return int(value)
        when = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return int(when.astimezone(timezone.utc).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{name}='{value}' is no time: use ISO 8601 (2026-11-22T14:00, local time unless it "
            "names a zone) or milliseconds since 1970"
        ) from None
