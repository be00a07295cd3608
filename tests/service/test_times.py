from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from weilink.errors import UsageError
from weilink.service.times import moment


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Shanghai"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def ms(*values: int) -> int:
    return int(datetime(*values).timestamp() * 1000)  # type: ignore[arg-type]  # noqa: DTZ001


def test_until_includes_what_was_named(zone: str) -> None:
    """`--since 2026-11-22 --until 2026-11-22` is that day, as the output shows its times."""
    assert moment("--since", "2026-11-22") == ms(2026, 11, 22)
    assert moment("--until", "2026-11-22") == ms(2026, 11, 23) - 1
    assert moment("until", "20261122") == ms(2026, 11, 23) - 1
    assert moment("since", "20261122") == ms(2026, 11, 22)
    assert moment("until", "2026-11-22T14:00:05") == ms(2026, 11, 22, 14, 0, 6) - 1
    assert moment("until", "2026-11-22 14:00:05.250") == ms(2026, 11, 22, 14, 0, 5) + 250
    assert moment("until", "2026-11-22T14:00:05Z") == 1795356005999
    assert moment("until", "1795356005123") == 1795356005123
    assert moment("since", "0") == 0


def test_no_limit_in_every_zone(zone: str) -> None:
    assert (moment("since", "0001-01-01") or 0) < 0
    assert (moment("until", "9999-12-31") or 0) >= int(
        datetime(9999, 12, 31, tzinfo=timezone.utc).timestamp() * 1000
    )


@pytest.mark.parametrize("value", ["2026", "20261399", "yesterday", "-5", "1.5e12"])
def test_what_is_no_time(value: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        moment("since", value)
