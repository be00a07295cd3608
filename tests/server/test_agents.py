"""Claude Code and Codex use the server for real: a scripted model calls each tool."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.conftest import claude, claude_program, codex, codex_program, model
from tests.agents.model import Call, Model, Say
from tests.server.clients import Http
from tests.server.conftest import HttpStarter
from weilink.qr import qr_png
from weilink.sandbox.phone import Phone

__all__ = ["claude", "claude_program", "codex", "codex_program", "model"]

pytestmark = [pytest.mark.agents, pytest.mark.slow]

COMMAND = [sys.executable, "-m", "weilink", "mcp"]
TOOLS = [
    "recv",
    "send",
    "download",
    "history",
    "sessions",
    "login",
    "rename_session",
    "set_default",
    "logout",
]
TOKEN = "a-long-random-token-0123456789"


@pytest.fixture
def served(http: HttpStarter, env: dict[str, str], phone: Phone) -> Iterator[Http]:
    """A server over HTTP that demands its token."""
    server = http(env={**env, "WEILINK_TOKEN": TOKEN})
    phone.wait_polling()
    yield server


def weilink(env: dict[str, str]) -> Any:
    return {name: value for name, value in env.items() if name.startswith("WEILINK_")}


def calls(phone: Phone, picture: str, tmp_path: Path) -> list[Call]:
    """One call of each tool, with arguments that make it do something."""
    file = tmp_path / "notes.txt"
    file.write_text("notes")
    arguments: dict[str, dict[str, Any]] = {
        "recv": {"timeout": 20},
        "send": {"to": phone.user_id(), "text": "an answer", "file_path": str(file)},
        "download": {"message_id": picture},
        "history": {"limit": 2},
        "login": {"session_name": "default"},
        "rename_session": {"old_name": "default", "new_name": "work"},
        "set_default": {"session_name": "work"},
    }
    return [Call(f"mcp__weilink__{tool}", arguments.get(tool, {})) for tool in TOOLS]


def check_results(results: list[str], phone: Phone) -> None:
    assert len(results) == len(TOOLS)
    told = dict(zip(TOOLS, results, strict=True))
    assert "你好 from the phone" in told["recv"]
    assert '"sent"' in told["send"]
    assert "image/png" in told["download"]
    assert '"total"' in told["history"]
    assert '"connected"' in told["sessions"]
    assert '"confirmed"' in told["login"]
    assert "called 'work' now" in told["rename_session"]
    assert "default bot session now" in told["set_default"]
    assert "logged out" in told["logout"]
    assert [m.kind for m in phone.wait_for(count=2)] == ["text", "file"]


def prepare(phone: Phone) -> str:
    """Write a text and a picture; return the picture's id."""
    phone.write("你好 from the phone")
    picture = phone.send_media("image", qr_png("x"))
    phone.wait_for(author="user", count=2, acknowledged=True)
    return picture.message_id


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_claude_code(
    claude: Claude,
    model: Model,
    served: Http,
    env: dict[str, str],
    phone: Phone,
    tmp_path: Path,
    transport: str,
) -> None:
    if transport == "stdio":
        claude.server("weilink", COMMAND, **weilink(env))
    else:
        entry = {
            "type": "http",
            "url": f"{served.url}/mcp",
            "headers": {"Authorization": f"Bearer {TOKEN}"},
        }
        claude.configure({"mcpServers": {"weilink": entry}})
    listed = claude.run("mcp", "list")
    assert "weilink" in listed.stdout
    assert "Connected" in listed.stdout, listed
    script = calls(phone, prepare(phone), tmp_path)
    claude.allow(*[call.tool for call in script])
    model.script(*script, Say("done"))
    run = claude.prompt("go", timeout=120)
    assert run.stdout.strip() == "done", run
    last = model.turns[-1]
    check_results(last.results, phone)
    # The agent's model is told how to use the server, and can look at the picture.
    # On a busy machine the server is there only after the first turn has begun.
    told = "WeiLink connects you with WeChat"
    assert any(told in json.dumps(turn.body) for turn in model.turns)
    assert '"media_type": "image/png"' in json.dumps(last.body)


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_codex(
    codex: Codex,
    model: Model,
    served: Http,
    env: dict[str, str],
    phone: Phone,
    tmp_path: Path,
    transport: str,
) -> None:
    if transport == "stdio":
        codex.server("weilink", COMMAND, **weilink(env))
    else:
        codex.env["WEILINK_TEST_TOKEN"] = TOKEN
        entry = {
            "url": f"{served.url}/mcp",
            "bearer_token_env_var": "WEILINK_TEST_TOKEN",
            "default_tools_approval_mode": "approve",
        }
        codex.configure({"mcp_servers": {"weilink": entry}})
    script = calls(phone, prepare(phone), tmp_path)
    model.script(*script, Say("done"))
    run = codex.prompt("go", timeout=120)
    assert run.stdout.strip() == "done", run
    check_results(model.turns[-1].results, phone)


def test_login_picture_reaches_the_model(
    claude: Claude, model: Model, base: Path, phone: Phone
) -> None:
    claude.server("weilink", COMMAND, WEILINK_BASE_PATH=str(base / "new"), **phone.environment)
    claude.allow("mcp__weilink__login")
    model.script(Call("mcp__weilink__login"), Say("done"))
    claude.prompt("go")
    (result,) = model.turns[1].results
    url = json.loads(result[result.index("{") :])["qr_url"]
    phone.scan(url)  # it is a code of this WeChat
    assert '"media_type": "image/png"' in json.dumps(model.turns[1].body)
