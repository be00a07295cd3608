"""A WeiLink server in a process of its own, as an agent starts it, and its hook."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import anyio

from weilink.assets import asset
from weilink.sandbox.phone import Phone
from weilink.store import Store
from weilink.store.credentials import BotSession, Credentials
from weilink.store.history import Query
from weilink.store.models import Delivery, Direction

DEADLINE = 20.0
T = TypeVar("T")


class Server:
    """`weilink mcp` on `base`. `env` is the environment of every command on that base."""

    def __init__(self, base: Path, phone: Phone) -> None:
        self.base = base
        self.phone = phone
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(base.parent),
            "LANG": "C.UTF-8",
            "WEILINK_LANG": "en",
            # This checkout, from whatever folder a program is started.
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "WEILINK_BASE_PATH": str(base),
            **phone.environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._before = 0

    @classmethod
    def logged_in(cls, base: Path, phone: Phone, *, start: bool = True) -> Server:
        """Log the phone's user in, install the hook, and start the server."""
        server = cls(base, phone)
        # As `weilink login` leaves it; tests/cli and tests/server show that it does.
        bot = phone.lab.new_bot()
        session = BotSession("default", bot.bot_id, bot.user_id, bot.base_url, bot.token, 1.0)
        Credentials(base).save(session)
        hooks = base / "hooks"
        hooks.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(asset("hooks", "weilink_hook.py"), hooks)
        if start:
            server.start()
            server.wait_ready()
        return server

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server process; its log goes to `<base>.log`."""
        with Path(f"{self.base}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "weilink", "mcp"],
                env=self.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        return self.process

    def wait_ready(self) -> None:
        """Wait until the endpoint is announced by a live leader and the bot is polled."""
        deadline = time.monotonic() + DEADLINE
        while not self._announced():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no server: {Path(f'{self.base}.log').read_text()}")
            select.select([], [], [], 0.01)
        self.phone.wait_polling()

    def _announced(self) -> bool:
        try:
            pid = int((self.base / "run" / "recv").read_text().split()[3])
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True

    def kill(self) -> None:
        """Kill the server with -9."""
        assert self.process is not None
        self.process.kill()
        self.close()

    def close(self) -> None:
        """End the server by closing its standard input, as an agent does."""
        if self.process is None:
            return
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        self.process = None

    def weilink(
        self, *arguments: str, given: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a `weilink` command on this base path; `env` is added to its environment."""
        return subprocess.run(
            [sys.executable, "-m", "weilink", *arguments],
            env={**self.env, **(env or {})},
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """Run a `weilink` command with `--json` and return what it printed."""
        done = self.weilink(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def begin(self) -> None:
        """Let `wait_stored` count from here on."""
        self._before = self._stored()

    def wait_stored(self, count: int) -> None:
        """Wait until `count` messages were received."""
        deadline = time.monotonic() + DEADLINE
        while (total := self._stored() - self._before) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{total} of {count} messages are stored")
            select.select([], [], [], 0.01)
        assert total == count

    def _stored(self) -> int:
        query = Query(direction=Direction.RECEIVED, limit=1)
        return self._read(lambda store: store.history.find(query)).total

    def counts(self) -> Counter[Delivery]:
        """Return how many received messages are where on their way."""
        return Counter(self._read(lambda store: store.inbox.counts()))

    def _read(self, what: Callable[[Store], Awaitable[T]]) -> T:
        # Not by a command: starting one takes longer than most of what is waited for.
        async def read() -> T:
            async with Store(self.base) as store:
                return await what(store)

        return anyio.run(read)

    def hook(self, event: str = "UserPromptSubmit") -> str:
        """Run the hook as an agent would; return the text it puts before the model."""
        done = subprocess.run(
            hook_command(self.base),
            env={"PATH": os.environ["PATH"]},
            input=hook_input(event),
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        if not done.stdout:
            return ""
        output = json.loads(done.stdout)["hookSpecificOutput"]
        assert output["hookEventName"] == event
        return str(output["additionalContext"])


def hook_command(base: Path) -> list[str]:
    """Return the command of the installed hook."""
    script = str(base / "hooks" / "weilink_hook.py")
    return [os.path.realpath(sys.executable), "-I", "-S", script, "claude"]


def hook_input(event: str = "UserPromptSubmit", session: str = "session-1") -> bytes:
    """Return what the agent gives a hook on standard input."""
    return json.dumps(
        {
            "session_id": session,
            "cwd": "/tmp",
            "hook_event_name": event,
            "permission_mode": "default",
            "prompt": "go on",
        }
    ).encode()
