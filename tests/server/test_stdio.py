"""What is on stdout, and how the server ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.server.clients import DEADLINE, environment
from tests.server.conftest import Starter
from weilink.sandbox.phone import Phone
from weilink.service.leading import is_led


def test_stdout_is_json_rpc_alone(stdio: Starter, phone: Phone) -> None:
    client = stdio("--log-level", "DEBUG")
    phone.wait_polling()
    phone.write("hello")
    client.write(b"this is no JSON")
    client.write(b"")
    client.write({"jsonrpc": "2.0", "method": "notifications/unknown"})
    client.fail("recv", timeout="soon")
    client.call("recv", timeout=5)
    client.call("login", force=True)
    unknown = client.wait(client.start("no/such/method"))
    assert unknown["error"]["code"] == -32601
    assert client.end() == 0
    lines = [*client.lines, *client.rest()]
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)
    assert json.loads(next(line for line in lines if b"-32700" in line))["id"] is None
    assert "DEBUG" in client.log_text()
    assert "hello" not in client.log_text()


def test_other_output_does_not_reach_the_wire(tmp_path: Path) -> None:
    # A library that prints, also below Python, and a program that reads its input.
    code = """
import os, subprocess, sys
from weilink.server.botsessions import BotSessions
from weilink.server.results import SessionsResult
async def sessions(self) -> SessionsResult:
    print("STRAY", flush=True)
    os.write(1, b"STRAY\\n")
    subprocess.run(["cat"], check=True, timeout=5)
    return SessionsResult(sessions=[])
BotSessions.sessions = sessions
from weilink.cli.main import run
sys.exit(run(["mcp"]))
"""
    handshake = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "0"},
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(tmp_path / "base"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdin and process.stdout and process.stderr
        for request in (
            {"id": 1, "method": "initialize", "params": handshake},
            {"method": "notifications/initialized"},
            {"id": 2, "method": "tools/call", "params": {"name": "sessions", "arguments": {}}},
        ):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **request}).encode() + b"\n")
        process.stdin.flush()
        ids = [json.loads(process.stdout.readline())["id"] for _ in range(2)]
        out, err = process.communicate(timeout=DEADLINE)
    assert ids == [1, 2]
    assert out == b""
    assert err.count(b"STRAY") == 2


@pytest.mark.parametrize(
    ("config", "code"),
    [("nonsense = 1\n", 4), pytest.param("not toml", 4, marks=pytest.mark.slow)],
)
def test_bad_settings_say_so_on_stderr(tmp_path: Path, config: str, code: int) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.toml").write_text(config)
    done = subprocess.run(
        [sys.executable, "-m", "weilink.server"],
        env=environment(base),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert str(base / "config.toml") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("end", ["eof", "SIGTERM", pytest.param("SIGINT", marks=pytest.mark.slow)])
def test_clean_end(stdio: Starter, phone: Phone, base: Path, end: str) -> None:
    phone.lab.clear_journal()
    client = stdio()
    phone.wait_polling()
    # In the middle of a call that waits.
    client.start("tools/call", name="recv", arguments={"timeout": 600})
    client.call("sessions")
    code = client.end() if end == "eof" else client.signal(signal.Signals[end])
    assert code == 0
    assert not is_led(base)
    assert not (base / "run" / "recv").exists()
    stops = phone.lab.requests("*/notifystop")
    assert len(stops) == 1
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in client.rest())


def test_ends_without_a_word_from_the_client(stdio: Starter, base: Path) -> None:
    assert stdio(env=environment(base), version="").end() == 0


@pytest.mark.slow
def test_another_server_takes_over(stdio: Starter, phone: Phone) -> None:
    first = stdio()
    phone.wait_polling()
    second = stdio()
    second.call("sessions")
    first.kill()
    phone.write("after the first was killed")
    # Not when the dead process's poll is taken for a living one.
    (message,) = second.call("recv", timeout=15)["messages"]
    assert message["text"] == "after the first was killed"


@pytest.mark.slow
def test_banner(stdio: Starter, base: Path) -> None:
    spoken = stdio(env=environment(base))
    silent = stdio("--no-banner", env=environment(base))
    assert "WeiLink serves MCP on standard input" in spoken.log_text()
    assert silent.log_text() == ""


@pytest.mark.slow
def test_database_of_a_newer_version(stdio: Starter, base: Path) -> None:
    import sqlite3

    stdio(env=environment(base)).end()
    base.mkdir(exist_ok=True)
    with sqlite3.connect(base / "weilink.db") as db:
        db.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT, applied_at INTEGER)")
        db.execute("INSERT INTO migrations VALUES ('m999_future', 1)")
    db.close()
    client = stdio(env=environment(base))
    assert "newer WeiLink" in client.fail("recv")
    # Put right while the agent's session goes on.
    with sqlite3.connect(base / "weilink.db") as db:
        db.execute("DELETE FROM migrations WHERE name = 'm999_future'")
    db.close()
    client.wait_leading()
    assert client.call("sessions") == {"sessions": []}
    assert client.end() == 0


@pytest.mark.slow
def test_admin_port_goes_to_the_next_server(stdio: Starter, base: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    first = stdio("--admin-port", port, env=environment(base))
    first.wait_log(f"admin panel at http://127.0.0.1:{port}")
    second = stdio("--admin-port", port, env=environment(base))
    second.wait_log("takes it when it gets free")
    assert second.call("sessions") == {"sessions": []}
    assert first.end() == 0
    second.wait_log(f"admin panel at http://127.0.0.1:{port}")
    with httpx.Client() as client:
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200


@pytest.mark.slow
def test_waiting_costs_next_to_nothing(stdio: Starter, phone: Phone) -> None:
    leader, follower = stdio(), stdio()
    phone.wait_polling()
    follower.call("sessions")

    def seconds(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    pids = [leader.process.pid, follower.process.pid]
    before = [seconds(pid) for pid in pids]
    for client in (leader, follower):
        client.call("recv", timeout=5)
    spent = [now - then for now, then in zip(map(seconds, pids), before, strict=True)]
    # Ten seconds went by.
    assert max(spent) < 0.5
