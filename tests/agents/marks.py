"""Marks for tests of what only the newer pinned version does."""

from __future__ import annotations

import pytest

from tests.agents.programs import OLD

newer = pytest.mark.skipif(OLD, reason="the older version does otherwise")
