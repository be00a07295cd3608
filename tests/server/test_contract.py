"""The tools are those of the contract, and say of themselves what is true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.clients import ENVELOPE, Stdio, environment
from tests.server.conftest import Starter

CONTRACT: dict[str, dict[str, Any]] = {
    "recv": {"timeout": 5.0},
    "send": {
        "to": ...,
        "text": "",
        "image_path": "",
        "file_path": "",
        "file_name": "",
        "video_path": "",
        "voice_path": "",
    },
    "download": {"message_id": ..., "save_dir": ""},
    "history": {
        "user_id": "",
        "bot_id": "",
        "msg_type": "",
        "direction": "",
        "since": "",
        "until": "",
        "text_contains": "",
        "limit": 50,
        "offset": 0,
    },
    "sessions": {},
    "login": {"session_name": "", "timeout": 30.0, "force": False},
    "logout": {"session_name": ""},
    "rename_session": {"old_name": ..., "new_name": ...},
    "set_default": {"session_name": ...},
}
READ_ONLY = {"history", "sessions"}
DESTRUCTIVE = {"logout"}
IDEMPOTENT = {"history", "sessions", "rename_session", "set_default"}
OPEN_WORLD = {"recv", "send", "download", "login"}


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stdio, dict[str, Any]]]:
    """A client of a revision that is not there yet, and what the server answered to it."""
    folder = tmp_path_factory.mktemp("contract")
    client = Stdio(environment(folder / "base"), log=folder / "log")
    yield client, client.handshake("2099-01-01")
    client.close()


def test_tools(newest: tuple[Stdio, dict[str, Any]]) -> None:
    tools = {tool["name"]: tool for tool in newest[0].ask("tools/list")["tools"]}
    assert list(tools) == list(CONTRACT)
    for name, parameters in CONTRACT.items():
        schema = tools[name]["inputSchema"]
        given = schema.get("properties", {})
        assert list(given) == list(parameters), name
        for parameter, default in parameters.items():
            required = default is ...
            assert (parameter in schema.get("required", [])) is required, (name, parameter)
            assert required or given[parameter]["default"] == default, (name, parameter)
        assert tools[name]["annotations"] == {
            "readOnlyHint": name in READ_ONLY,
            "destructiveHint": name in DESTRUCTIVE,
            "idempotentHint": name in IDEMPOTENT,
            "openWorldHint": name in OPEN_WORLD,
        }
        assert tools[name]["outputSchema"]["type"] == "object"
        assert tools[name]["description"]


@pytest.mark.parametrize(
    "version",
    [
        "2024-11-05",
        pytest.param("2025-03-26", marks=pytest.mark.slow),
        pytest.param("2025-06-18", marks=pytest.mark.slow),
        pytest.param("2025-11-25", marks=pytest.mark.slow),
    ],
)
def test_handshake_of_every_revision(stdio: Starter, base: Path, version: str) -> None:
    client = stdio(env=environment(base), version="")
    said = client.handshake(version)
    assert said["protocolVersion"] == version
    assert said["serverInfo"]["name"] == "weilink"
    assert "`send`" in said["instructions"]
    assert client.call("sessions") == {"sessions": []}


def test_handshake_of_a_later_revision(newest: tuple[Stdio, dict[str, Any]]) -> None:
    client, said = newest
    assert said["protocolVersion"] == "2025-11-25"
    assert client.call("sessions") == {"sessions": []}


def test_request_without_handshake(stdio: Starter, base: Path) -> None:
    client = stdio(env=environment(base), version="")
    said = client.ask("server/discover", _meta=ENVELOPE)
    assert said["supportedVersions"] == ["2026-07-28"]
    called = client.ask("tools/call", name="sessions", arguments={}, _meta=ENVELOPE)
    assert called["structuredContent"] == {"sessions": []}


def test_prompts(newest: tuple[Stdio, dict[str, Any]]) -> None:
    client, _ = newest
    names = [prompt["name"] for prompt in client.ask("prompts/list")["prompts"]]
    assert names == ["wechat_inbox", "wechat_listen", "wechat_report", "wechat_connect"]
    said = client.ask("prompts/get", name="wechat_listen", arguments={"minutes": "3"})
    assert "next 3 minutes" in said["messages"][0]["content"]["text"]
