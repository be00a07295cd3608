"""The demo, as `make demo` plays it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_demo_in_chinese(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "weilink.demo"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "WEILINK_LANG": "zh",
             "LANG": "C.UTF-8", "COLUMNS": "100"},
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "微信返回：已发送\n" in done.stdout
    assert not re.search(r"\b(sent|queued|failed)\b", done.stdout)
    assert list(tmp_path.iterdir()) == []
