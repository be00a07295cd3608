"""An agent that is nothing but a process which runs hooks, as the real ones do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any

import psutil

from tests.support.server import DEADLINE, Server, hook_command

# Runs a hook for each line that it is given, all at the same time, and says how each ended.
_SCRIPT = """\
import json, subprocess, sys, threading
lock = threading.Lock()
def run(number, command, env, given):
    hook = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    with lock:
        print(json.dumps([number, hook.pid]), flush=True)
    out, err = hook.communicate(given)
    with lock:
        print(json.dumps([number, hook.pid, hook.returncode, out, err]), flush=True)
for line in sys.stdin:
    threading.Thread(target=run, args=json.loads(line)).start()
"""


@dataclass(frozen=True)
class Done:
    """A hook that has ended."""

    code: int
    out: str
    err: str

    @property
    def context(self) -> str:
        """What it put before the model."""
        if self.code == 2:
            return self.err
        if not self.out:
            return ""
        output = json.loads(self.out)
        return str(output.get("reason") or output["hookSpecificOutput"]["additionalContext"])


class Hook:
    """A hook that runs."""

    def __init__(self, pid: int, ended: Queue[Done]) -> None:
        self.pid = pid
        self._ended = ended

    def wait(self, deadline: float = DEADLINE) -> Done:
        """Wait for its end."""
        return self._ended.get(timeout=deadline)

    def wait_connected(self) -> None:
        """Wait until it has asked the server."""
        end = time.monotonic() + DEADLINE
        while not any(
            c.status == "ESTABLISHED" for c in psutil.Process(self.pid).net_connections()
        ):
            assert time.monotonic() < end

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._ended.empty()


class Agent:
    """The process, in a folder, with one session."""

    def __init__(
        self, server: Server, session: str, folder: Path, agent: str = "claude", entry: str = "cli"
    ) -> None:
        self.server = server
        self.session = session
        self.folder = folder
        self.name = agent
        self._entry = entry
        self._hooks: list[tuple[Queue[int], Queue[Done]]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            number, pid, *rest = json.loads(line)
            started, ended = self._hooks[number]
            if rest:
                ended.put(Done(*rest))
            else:
                started.put(pid)

    def start(self, event: str, *arguments: str, **given: Any) -> Hook:
        """Start a hook."""
        body = {
            "session_id": self.session,
            "cwd": str(self.folder),
            "hook_event_name": event,
            **given,
        }
        env = {"PATH": os.environ["PATH"], "CLAUDE_CODE_ENTRYPOINT": self._entry}
        if self.name == "claude":
            env["CLAUDE_PID"] = str(self.process.pid)
        command = [*hook_command(self.server.base)[:-1], self.name, *arguments]
        queues: tuple[Queue[int], Queue[Done]] = (Queue(), Queue())
        self._hooks.append(queues)
        assert self.process.stdin
        line = json.dumps([len(self._hooks) - 1, command, env, json.dumps(body)])
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return Hook(queues[0].get(timeout=DEADLINE), queues[1])

    def hook(self, event: str, *arguments: str, **given: Any) -> str:
        """Run a hook to its end and return what it put before the model."""
        done = self.start(event, *arguments, **given).wait()
        assert done.err == "" and done.code == 0, done
        return done.context

    def prompt(self, text: str = "go on") -> str:
        """Type a prompt."""
        return self.hook("UserPromptSubmit", prompt=text)

    def woken(self, text: str) -> str:
        """Begin a turn with what a waiting hook said, as Claude Code tells its hooks."""
        return self.hook("UserPromptSubmit", prompt=f"<task-notification>\n{text}\n")

    def waiter(self, event: str = "Stop") -> Hook:
        """Start a hook that waits in the background."""
        return self.start(event, "wait", "wake")

    def begin(self) -> Hook:
        """Start the session, and end a first turn: now it waits for the user."""
        self.hook("SessionStart", source="startup")
        self.prompt("hello")
        self.hook("Stop")
        return self.waiter()

    def kill(self) -> None:
        """Kill the agent with signal 9; its hooks live on."""
        self.process.kill()
        self.process.wait(DEADLINE)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
