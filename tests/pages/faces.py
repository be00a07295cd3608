"""`weilink admin` and `weilink openapi` in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weilink.sandbox.phone import Phone
from weilink.store.credentials import BotSession, Credentials


def log_in(base: Path, phone: Phone, name: str = "default") -> str:
    """Put a bot session of the phone's user under a base path, and return the bot's id."""
    bot = phone.lab.new_bot()
    session = BotSession(name, bot.bot_id, bot.user_id, bot.base_url, bot.token, 1.0)
    Credentials(base).save(session)
    return bot.bot_id


@contextmanager
def running(base: Path, phone: Phone, *command: str, **more: str) -> Iterator[str]:
    """Run a server of the command line and give the first URL that it prints."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(base.parent),
        "LANG": "C.UTF-8",
        "WEILINK_LANG": "en",
        "WEILINK_BASE_PATH": str(base),
        **phone.environment,
        **more,
    }
    log = base.parent / "server.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "weilink", *command],
            env=env,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"http://[^\s,]+", line):
                    yield found.group(0)
                    break
            else:
                raise RuntimeError(log.read_text())
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    # Whatever a page or a client did: no traceback.
    assert "Traceback" not in log.read_text("utf-8"), log.read_text("utf-8")
