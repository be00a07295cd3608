"""axe-core, from npm, kept outside the tree."""

from __future__ import annotations

import os
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from playwright.sync_api import Page

PACKAGE = "axe-core@4.14.1"


@cache
def _source() -> str:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weilink-tests"
    folder = base / PACKAGE.replace("@", "-")
    script = folder / "axe.min.js"
    base.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not script.exists():
            folder.mkdir(exist_ok=True)
            command = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", str(folder)]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
            (packed,) = folder.glob("*.tgz")
            with tarfile.open(packed) as archive:
                found = archive.extractfile("package/axe.min.js")
                assert found is not None
                script.write_bytes(found.read())
    return script.read_text("utf-8")


def findings(page: Page) -> list[dict[str, Any]]:
    """What axe finds in a page, minor things aside."""
    # Evaluated by the debugger: a strict page lets no script of ours be put into it.
    page.evaluate(_source() + "; undefined")
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        {
            "rule": one["id"],
            "impact": one["impact"],
            "where": [node["html"][:160] for node in one["nodes"]],
            "why": [node["failureSummary"][:200] for node in one["nodes"][:2]],
        }
        for one in result["violations"]
        if one["impact"] != "minor"
    ]
