"""A file of 1 GiB through the shell's commands: it comes back, and memory does not grow with it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import log_in
from weilink.sandbox.phone import Phone
from weilink.service import open_service
from weilink.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MOST_MIB = 40
# VmHWM is the most that this program ever had; ru_maxrss begins with what its parent had.
WEILINK = """
import atexit, pathlib, sys
from weilink.cli import main

def tell():
    status = pathlib.Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    print(line.split()[1], file=sys.stderr)

atexit.register(tell)
main()
"""


def write(path: Path, mib: int) -> Path:
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(mib):
            file.write(number.to_bytes(4, "big") + block[4:])
    return path


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells memory as Linux does")
async def test_a_file_of_1_gib_there_and_back(
    settings: Settings, phone: Phone, tmp_path: Path
) -> None:
    async with open_service(settings) as service:
        await log_in(service, phone)
    phone.write("send me the film")
    env = {
        **os.environ,
        "WEILINK_BASE_PATH": str(settings.base_path),
        "WEILINK_ILINK_BASE_URL": phone.base_url,
        "WEILINK_CDN_BASE_URL": phone.cdn_base_url,
        "WEILINK_MEDIA_LIMIT_MIB": "1025",
    }

    def weilink(*arguments: str) -> tuple[dict[str, Any], float]:
        done = subprocess.run(
            [sys.executable, "-c", WEILINK, *arguments, "--json"],
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), int(done.stderr.split()[-1]) / 1024

    assert weilink("recv", "--timeout", "30")[0]["messages"]

    def there_and_back(source: Path) -> tuple[float, float]:
        sent, sending = weilink("send", phone.user_id(), "--file", str(source))
        assert [part["state"] for part in sent["parts"]] == ["sent"]
        found = weilink("history", "--direction", "sent", "--limit", "1")[0]["messages"]
        got, fetching = weilink("download", found[0]["message_id"], "-o", str(tmp_path / "got"))
        path = Path(got["path"])
        assert path.stat().st_size == source.stat().st_size
        assert digest(path) == digest(source)
        path.unlink()
        return sending, fetching

    small = there_and_back(write(tmp_path / "small.bin", 4))
    large = there_and_back(write(tmp_path / "large.bin", 1024))
    grown = [after - before for before, after in zip(small, large, strict=True)]
    assert max(grown) < MOST_MIB, grown
