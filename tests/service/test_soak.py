from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.soak import Plan, soak


@pytest.mark.slow
def test_soak(tmp_path: Path) -> None:
    numbers = soak(Plan(inbound=2000, sends=300, kills=15, seconds=60), tmp_path)
    assert numbers["kills"] == 15
    assert numbers["reported"]["sent"] > 50
    assert numbers["fault hits"] > 20
