"""Proof that what setup installed works, before the user has to believe it.

The way of a message is tried with an embedded WeChat, a bot of its own and a base path that is
thrown away: the same hook command, script, server and tools, but nothing of the user's account.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import anyio
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from weilink.agents.base import Request
from weilink.agents.shell import SCRIPT
from weilink.doctor.finding import Finding, Level, ok
from weilink.doctor.running import PROBE, run_hook
from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess

_SECONDS = 30.0
_TEXT = "WeiLink self-test: 你好 🙂"


def prove(request: Request) -> Iterator[Finding]:
    """Try the server and the hook of an installation, then the way of a message."""
    yield _server(request)
    if request.hooks:
        yield _hook(request)
        yield _message(request)


def _server(request: Request) -> Finding:
    check = "proof.server"
    parameters = StdioServerParameters(
        command=request.python,
        args=list(request.arguments),
        env={**os.environ, **request.environment},
    )
    try:
        tools = anyio.run(_tools, parameters)
    except Exception as error:  # noqa: BLE001  (whatever it is, the user has to know)
        return _failed(check, t("The MCP server does not answer ({error})", error=_reason(error)))
    return ok(check, t("The MCP server answers: {count} tools", count=len(tools)))


async def _tools(parameters: StdioServerParameters) -> list[str]:
    with open(os.devnull, "w", encoding="utf-8") as log:  # noqa: PTH123, ASYNC230
        with anyio.fail_after(_SECONDS):
            async with Client(stdio_client(parameters, errlog=log)) as client:
                return [tool.name for tool in (await client.list_tools()).tools]


def _hook(request: Request) -> Finding:
    check = "proof.hook"
    try:
        done, seconds = run_hook(request.hook_command, PROBE)
    except subprocess.TimeoutExpired:
        return _failed(check, t("The hook did not end"))
    except OSError as problem:
        return _failed(check, t("The hook failed ({error})", error=problem))
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        error = said[-1] if said else str(done.returncode)
        return _failed(check, t("The hook failed ({error})", error=error))
    return ok(check, t("The hook runs, in {milliseconds} ms", milliseconds=round(seconds * 1000)))


def _message(request: Request) -> Finding:
    check = "proof.message"
    sandbox: SandboxProcess | None = None
    with tempfile.TemporaryDirectory(prefix="weilink-proof-") as folder:
        try:
            sandbox = SandboxProcess.start()
            anyio.run(_travel, request, sandbox.phone, Path(folder))
        except Exception as error:  # noqa: BLE001
            what = t("A test message did not come through ({error})", error=_reason(error))
            return _failed(check, what)
        finally:
            if sandbox is not None:
                sandbox.stop()
    return ok(check, t("A test message went through the hook, and the answer back to the phone"))


async def _travel(request: Request, phone: Phone, folder: Path) -> None:
    """Let a message go from the phone through the hook, and an answer back."""
    base = folder / "weilink"
    env = {**os.environ, **phone.environment, "WEILINK_BASE_PATH": str(base), "HOME": str(folder)}
    log_in = subprocess.Popen(  # noqa: ASYNC220  (it ends when the phone has scanned)
        [sys.executable, "-m", "weilink", "login"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    await anyio.to_thread.run_sync(phone.log_in)
    if await anyio.to_thread.run_sync(log_in.wait, _SECONDS) != 0:
        raise WeiLinkError("weilink login")
    script = request.base_path / "hooks" / SCRIPT
    copied = base / "hooks" / SCRIPT
    copied.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(script, copied)
    # The folder's name has nothing that a shell would read.
    command = request.hook_command.replace(request.hook_place, copied.as_posix())
    arguments = [*request.arguments[: request.arguments.index("weilink") + 1], "mcp"]
    parameters = StdioServerParameters(command=request.python, args=arguments, env=env)
    with open(os.devnull, "w", encoding="utf-8") as log:  # noqa: PTH123, ASYNC230
        with anyio.fail_after(_SECONDS):
            async with Client(stdio_client(parameters, errlog=log)) as client:
                await client.list_tools()
                await anyio.to_thread.run_sync(phone.wait_polling)
                phone.write(_TEXT)
                await anyio.to_thread.run_sync(
                    lambda: phone.wait_for(author="user", acknowledged=True)
                )
                given = {
                    "hook_event_name": "UserPromptSubmit",
                    "session_id": "proof",
                    "cwd": str(folder),
                    "prompt": "go on",
                }
                done, _ = await anyio.to_thread.run_sync(run_hook, command, json.dumps(given))
                output = json.loads(done.stdout or "{}").get("hookSpecificOutput", {})
                if _TEXT not in output.get("additionalContext", ""):
                    raise WeiLinkError(t("the hook printed nothing of it"))
                to = phone.user_id()
                await client.call_tool("send", {"to": to, "text": _TEXT})
                await anyio.to_thread.run_sync(lambda: phone.wait_for(text=_TEXT))


def _failed(check: str, what: str) -> Finding:
    why = t("Messages would not reach the agent.")
    return Finding(check, Level.ERROR, what, why, "weilink doctor")


def _reason(error: BaseException) -> str:
    # A group of a task group: the first one says why.
    while inner := getattr(error, "exceptions", ()):
        error = inner[0]
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
