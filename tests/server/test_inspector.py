"""The MCP Inspector's command line over each transport."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server import npm
from tests.server.conftest import HttpStarter
from weilink.sandbox.phone import Phone

pytestmark = [pytest.mark.agents, pytest.mark.slow]


def inspect(folder: Path, *arguments: str) -> dict[str, Any]:
    done = npm.run(npm.INSPECTOR, "mcp-inspector", ["--cli", *arguments], folder)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("transport", ["stdio", "http", "sse"])
def test_inspector(
    http: HttpStarter, env: dict[str, str], phone: Phone, tmp_path: Path, transport: str
) -> None:
    server = http()
    phone.wait_polling()
    if transport == "stdio":
        target = [sys.executable, "-m", "weilink", "mcp"]
        for name, value in env.items():
            if name.startswith("WEILINK_"):
                target += ["-e", f"{name}={value}"]
    else:
        path = {"http": "mcp", "sse": "sse"}[transport]
        target = [f"{server.url}/{path}", "--transport", transport]
    tools = inspect(tmp_path, *target, "--method", "tools/list")["tools"]
    assert len(tools) == 9
    phone.write("from the phone")
    call = ("--method", "tools/call", "--tool-name")
    got = inspect(tmp_path, *target, *call, "recv", "--tool-arg", "timeout=20")
    assert [m["text"] for m in got["structuredContent"]["messages"]] == ["from the phone"]
    sent = inspect(
        tmp_path, *target, *call, "send", "--tool-arg", f"to={phone.user_id()}", "text=back"
    )
    assert sent["structuredContent"]["parts"][0]["state"] == "sent"
    phone.wait_for("back")
    prompts = inspect(tmp_path, *target, "--method", "prompts/list")["prompts"]
    assert len(prompts) == 4
