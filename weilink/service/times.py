"""Times as people write them."""

from __future__ import annotations

from datetime import date, datetime, time, timezone

from weilink.errors import UsageError


def moment(name: str, value: str) -> int | None:
    """Return a time given as ISO 8601 or as milliseconds since 1970; `None` when empty.

    `name` is that of the parameter. What ends with "until" means the last moment of what was
    named: a day with all its hours, a second with all its milliseconds.

    Raises:
        UsageError: it is neither.
    """
    if not value:
        return None
    last = name.endswith("until")
    try:
        # 20261122 is a date, and nobody means that millisecond of 1970.
        if value.isdecimal() and len(value) not in (4, 8):
            return int(value)
        day = _day(value)
        if day is not None:
            when = datetime.combine(day, time.max if last else time.min)
        else:
            when = datetime.fromisoformat(value.replace("Z", "+00:00"))
            if last and not when.microsecond:
                when = when.replace(microsecond=999_999)
        if when.year in (date.min.year, date.max.year):
            # No limit is meant, and the time zone could lead beyond the calendar.
            when = when.replace(tzinfo=timezone.utc)
        # A time without a zone is a local one.
        return int(when.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{name}='{value}' is no time: use ISO 8601 (2026-11-22T14:00, local time unless it "
            "names a zone) or milliseconds since 1970"
        ) from None


def _day(value: str) -> date | None:
    """Return the day when it is one and no more."""
    if value.isdecimal() and len(value) == 8:
        value = f"{value[:4]}-{value[4:6]}-{value[6:]}"
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
