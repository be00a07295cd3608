"""What `weilink doctor` says, in the panel.

The doctor runs as the command that it is: it starts the agents' own programs and waits for them,
which is nothing to do in a server, and it speaks the language of the page that asks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio

from weilink.errors import WeiLinkError
from weilink.settings import Settings

SECONDS = 180.0
LANGUAGES = ("en", "zh")


class Health:
    """The last findings in each language."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: dict[str, dict[str, Any]] = {}
        self._turn = anyio.Lock()

    def last(self, language: str) -> dict[str, Any]:
        """Return what was found last: `checked_at` in ms is 0 when nobody has looked yet."""
        running = self._turn.locked()
        return {
            "checked_at": 0,
            "findings": [],
            **self._found.get(language, {}),
            "running": running,
        }

    async def check(self, language: str) -> dict[str, Any]:
        """Look now, or wait for the look that is under way.

        Raises:
            WeiLinkError: the doctor did not come to an end.
        """
        asked = time.time() * 1000
        async with self._turn:
            found = self._found.get(language)
            if found is None or found["checked_at"] < asked:
                findings = await self._examine(language)
                now = int(time.time() * 1000)
                self._found[language] = {"checked_at": now, "findings": findings}
        return self.last(language)

    async def _examine(self, language: str) -> list[dict[str, str]]:
        base = str(self._settings.base_path)
        command = [sys.executable, "-m", "weilink", "--base-path", base, "doctor", "--json"]
        try:
            with anyio.fail_after(SECONDS):
                done = await anyio.run_process(
                    [*command, "--lang", language],
                    stdin=subprocess.DEVNULL,
                    cwd=Path.home() if Path.home().is_dir() else None,
                    env={**os.environ, "PYTHONUTF8": "1"},
                    check=False,
                )
            findings = json.loads(done.stdout)["findings"]
        except TimeoutError:
            raise WeiLinkError(
                f"'weilink doctor' did not end within {SECONDS:.0f} seconds; run it in a terminal"
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise WeiLinkError(
                "'weilink doctor' could not be run; run it in a terminal to see why"
            ) from None
        return [{name: str(one[name]) for name in _FIELDS} for one in findings]


_FIELDS = ("check", "level", "what", "why", "cure")
