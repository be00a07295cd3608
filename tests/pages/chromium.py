"""Debian's Chromium: found, or installed where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

# A Chinese and an emoji font, so that screenshots show characters and not boxes.
PACKAGES = ("chromium", "fonts-wqy-microhei", "fonts-noto-color-emoji")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Whatever a page asks of elsewhere does not even leave as a question for a name.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@cache
def chromium() -> str:
    """Return the path of the browser; as root on Debian it is installed when it is not there."""
    if named := os.environ.get("WEILINK_TEST_CHROMIUM"):
        return named
    if found := _found():
        return found
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
        ):
            subprocess.run(command, env=quiet, check=True, stdout=subprocess.DEVNULL, timeout=900)
        if found := _found():
            return found
    raise RuntimeError(
        "These tests drive Chromium and there is none: install it "
        f"(apt-get install {' '.join(PACKAGES)}), or name it in WEILINK_TEST_CHROMIUM."
    )


def _found() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    return found or (str(mac) if mac.exists() else None)
