"""What the phone shows of an agent's turn."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.server import Server, hook_command
from weilink.sandbox.phone import Phone


@pytest.fixture(scope="module")
def shared(phone: Phone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that shows tool calls."""
    base = tmp_path_factory.mktemp("server") / "weilink"
    base.mkdir(mode=0o700)
    (base / "config.toml").write_text("show_tool_calls = true\n")
    server = Server.logged_in(base, phone)
    yield server
    server.close()


def tell(server: Server, event: str, session: str = "session-1", **more: object) -> None:
    """Let a hook tell of an event, as an agent does."""
    given = {"hook_event_name": event, "session_id": session, "cwd": "/", **more}
    subprocess.run(
        hook_command(server.base),
        input=json.dumps(given).encode(),
        env=server.env,
        capture_output=True,
        timeout=20,
        check=True,
    )


def test_typing_ends_with_the_turn_though_nothing_was_answered(
    server: Server, phone: Phone
) -> None:
    # Not for the first message ever: it is not known yet whether typing costs a reply.
    phone.write_all(["hello", "go on"])
    server.wait_stored(2)
    assert "go on" in server.hook()
    phone.wait_typing(True)
    tell(server, "Stop", session="another")
    tell(server, "PostToolUse", tool_name="Read", tool_use_id="t1")
    assert phone.conversation().typing
    tell(server, "Stop")
    phone.wait_typing(False)


def test_tool_calls_stand_in_the_chat_of_whom_they_are_for(server: Server, phone: Phone) -> None:
    before = max((message.n for message in phone.chat()), default=0)
    tell(server, "PostToolUse", tool_name="Bash", tool_use_id="t0")
    phone.write("go on")
    server.wait_stored(1)
    assert "go on" in server.hook()
    tell(server, "PostToolUse", tool_name="Bash", tool_use_id="t1")
    tell(server, "PostToolUse", tool_name="mcp__weilink__send", tool_use_id="t2")
    tell(server, "PostToolUse", tool_name="Read", tool_use_id="t3", tool_response={"error": "no"})
    results = phone.wait_for(kind="tool_result", count=2, after=before)
    shown = [item["tool_call_result_item"] for message in results for item in message.items]
    assert shown == [
        {"tool_name": "Bash", "tool_call_id": "t1", "status": "completed"},
        {"tool_name": "Read", "tool_call_id": "t3", "status": "failed"},
    ]
    calls = phone.chat(author="bot", after=before)
    assert [call.kind for call in calls] == ["tool_call", "tool_result"] * 2
    assert len({call.run_id for call in calls}) == 1
    assert phone.state().violations == 0


def test_tool_calls_are_shown_when_they_begin_and_all_end(server: Server, phone: Phone) -> None:
    before = max((message.n for message in phone.chat()), default=0)
    phone.write("go on")
    server.wait_stored(1)
    assert "go on" in server.hook()
    tell(server, "PreToolUse", tool_name="Bash", tool_use_id="t1")
    phone.wait_for(kind="tool_call", after=before)
    tell(server, "PreToolUse", tool_name="mcp__weilink__send", tool_use_id="t2")
    tell(server, "PostToolUse", tool_name="mcp__weilink__send", tool_use_id="t2")
    tell(server, "PreToolUse", tool_name="Read", tool_use_id="t3")
    # Claude Code tells so of one that failed. Of one that was refused nobody tells.
    tell(server, "PostToolUseFailure", tool_name="Bash", tool_use_id="t1", error="Exit code 1")
    phone.wait_for(kind="tool_result", after=before)
    tell(server, "Stop")
    phone.wait_for(kind="tool_result", count=2, after=before)
    shown = [
        item.get("tool_call_start_item") or item["tool_call_result_item"]
        for message in phone.chat(author="bot", after=before)
        for item in message.items
    ]
    assert [(one["tool_call_id"], one.get("status", "")) for one in shown] == [
        ("t1", ""),
        ("t3", ""),
        ("t1", "failed"),
        ("t3", "blocked"),
    ]
    assert phone.state().violations == 0
