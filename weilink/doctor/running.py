"""The running server: who leads, whether hooks can reach it, and how long they take."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from weilink.agents.shell import SCRIPT, hook_command, lasting_python, run_by
from weilink.doctor.finding import Finding, Level, ok
from weilink.i18n import t
from weilink.service.leading import is_led
from weilink.settings import Settings

# An event that no agent has: the server knows no session by it and hands nothing over.
PROBE = json.dumps({"hook_event_name": "WeiLinkDoctor", "session_id": "", "cwd": ""})
SLOW_SECONDS = 0.5
_SECONDS = 10.0
# A server leads a little before it tells its address, and ends after it took that back.
_STARTING_SECONDS = 3.0


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the server."""
    base = settings.base_path
    led = base.is_dir() and is_led(base)
    if led:
        yield ok("leader", t("A server is running and looks after the bots"))
    else:
        yield Finding(
            "leader",
            Level.NOTE,
            t("No server is running"),
            t("Messages stay at WeChat until one does. Agents start it with every session."),
            t("start your agent, or run: weilink mcp -t http"),
        )
    file = base / "run" / "recv"
    deadline = time.monotonic() + _STARTING_SECONDS
    while led and not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
        led = is_led(base)
    yield from _endpoint(file, led=led)
    script = base / "hooks" / SCRIPT
    if script.is_file():
        yield _latency(script)


def _endpoint(file: Path, *, led: bool) -> Iterator[Finding]:
    why = t("Hooks hand over no messages; the recv tool still does.")
    try:
        host, port, _, pid = file.read_text("ascii").split()
        address = (host, int(port))
        alive = psutil.pid_exists(int(pid))
    except FileNotFoundError:
        if led:
            yield Finding(
                "endpoint", Level.ERROR, t("The server tells hooks no address ({path})", path=file),
                why, t("end the running agents or 'weilink mcp', and start them again"),
            )  # fmt: skip
        return
    except (ValueError, OSError):
        alive = False
    if not alive:
        if led:
            yield Finding(
                "endpoint", Level.ERROR, t("{path} is from a server that is gone", path=file),
                why, t("end the running agents or 'weilink mcp', and start them again"),
            )  # fmt: skip
        return
    try:
        with socket.create_connection(address, timeout=3):
            pass
    except OSError as error:
        yield Finding(
            "endpoint",
            Level.ERROR,
            t("The server does not answer hooks at {host}:{port} ({error})",
              host=host, port=port, error=error.strerror or error),
            why,
            t("end the running agents or 'weilink mcp', and start them again"),
        )  # fmt: skip
        return
    yield ok("endpoint", t("Hooks reach the server at {host}:{port}", host=host, port=port))


def run_hook(command: str, given: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a hook as an agent does; return how it ended and how long it took, in seconds.

    Raises:
        OSError: the shell of hooks is not there (on Windows, that of Git).
        TimeoutExpired: of `subprocess`.
    """
    start = time.perf_counter()
    done = subprocess.run(
        [*run_by(), command],
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    return done, time.perf_counter() - start


def _failed(error: str, cure: str) -> Finding:
    why = t("No messages reach prompts, and the agent may show an error.")
    return Finding("hook", Level.ERROR, t("The hook failed ({error})", error=error), why, cure)


def _latency(script: Path) -> Finding:
    command = hook_command(lasting_python(), script, "claude")
    took: list[float] = []
    for _ in range(3):
        try:
            done, seconds = run_hook(command, PROBE)
        except subprocess.TimeoutExpired:
            return Finding(
                "hook",
                Level.ERROR,
                t("The hook did not end within {seconds} seconds", seconds=int(_SECONDS)),
                t("Every prompt waits for it."),
                "weilink setup",
            )
        except OSError as error:
            return _failed(str(error), t("install Git for Windows: agents run hooks with its bash"))
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            return _failed(said[-1] if said else str(done.returncode), "weilink setup")
        took.append(seconds)
    milliseconds = round(statistics.median(took) * 1000)
    what = t("The hook takes {milliseconds} ms", milliseconds=milliseconds)
    if milliseconds > SLOW_SECONDS * 1000:
        why = t("Every prompt waits for it.")
        return Finding("hook", Level.WARNING, what, why, t("see what else keeps the computer busy"))
    return ok("hook", what)
