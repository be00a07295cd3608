"""The real Codex against a fake model, in a home of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from tests.agents.model import KEY, Model
from tests.agents.processes import Home, Run, kill_group
from tests.agents.terminal import Terminal


class Codex:
    """One user of Codex: home, working folder, settings; any number of runs.

    The interactive program leaves a background server (``codex app-server``), which outlives its
    terminal and runs the conversations and hooks; ``daemon(False)`` keeps all in one process.
    """

    def __init__(self, program: Path, folder: Path, model: Model) -> None:
        self.program = program
        self.model = model
        self.home = Home(folder)
        self.work = self.home.work
        self.env: dict[str, str] = {}
        """Additional variables for the runs to come."""
        self.terminals: list[Terminal] = []
        """All that were started."""
        self.config: Path = self.home.path / ".codex" / "config.toml"
        self.hooks: Path = self.home.path / ".codex" / "hooks.json"
        self.config.parent.mkdir()
        provider = {
            "name": "tests",
            "base_url": f"{model.url}/v1",
            "wire_api": "responses",
            "env_key": "WEILINK_TESTS_KEY",
            "request_max_retries": 0,
            "stream_max_retries": 0,
        }
        self.configure(
            {
                "model_provider": "tests",
                "model_providers": {"tests": provider},
                "check_for_update_on_startup": False,
                "analytics": {"enabled": False},
                "projects": {str(self.work): {"trust_level": "trusted"}},
            }
        )

    def environment(self) -> dict[str, str]:
        """The whole environment of a run."""
        return self.home.environment({"WEILINK_TESTS_KEY": KEY, **self.env})

    def run(self, *arguments: str, timeout: float = 60, cwd: Path | None = None) -> Run:
        """Run ``codex`` with these arguments to its end."""
        return self.home.run([str(self.program), *arguments], self.environment(), timeout, cwd)

    def prompt(
        self,
        text: str,
        *arguments: str,
        resume: str | None = None,
        timeout: float = 60,
        cwd: Path | None = None,
    ) -> Run:
        """Ask one thing with ``codex exec``.

        Args:
            arguments: More options of ``codex exec``.
            resume: The id of the conversation to go on with (``Request.session``).
        """
        options = ["--skip-git-repo-check", *arguments]
        more = ["resume", *options, resume] if resume else options
        return self.run("exec", *more, "--", text, timeout=timeout, cwd=cwd)

    def interactive(self, *arguments: str, cwd: Path | None = None) -> Terminal:
        """Start ``codex`` in a pseudo-terminal and wait until it asks for a prompt."""
        command = [str(self.program), *arguments]
        terminal = Terminal(command, self.environment(), cwd or self.work)
        self.terminals.append(terminal)
        terminal.wait_for_text("›")
        return terminal

    def queue(self, session: str, text: str) -> Run:
        """Give a message to a session from outside."""
        return self.run("queue", "--thread", session, "--message", text)

    def hook(self, event: str, command: str, matcher: str | None = None, **options: Any) -> None:
        """Add a command hook to the user's ``hooks.json``; it is not trusted yet.

        Args:
            options: Further keys of the hook, e.g. ``timeout=5``, ``async_=True``.
        """
        options = {key.rstrip("_"): value for key, value in options.items()}
        content = json.loads(self.hooks.read_text()) if self.hooks.exists() else {"hooks": {}}
        group: dict[str, Any] = {"hooks": [{"type": "command", "command": command, **options}]}
        if matcher is not None:
            group["matcher"] = matcher
        content["hooks"].setdefault(event, []).append(group)
        self.hooks.write_text(json.dumps(content, indent=2))

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Set top-level keys of ``config.toml``."""
        text = self.config.read_text() if self.config.exists() else ""
        self.config.write_text(tomlkit.dumps({**tomlkit.parse(text).unwrap(), **changes}))

    def server(self, name: str, command: list[str], *, approved: bool = True, **env: str) -> None:
        """Add an MCP server over stdio to ``config.toml``.

        Args:
            approved: Its tools may be called without asking the user.
        """
        servers = tomlkit.parse(self.config.read_text()).unwrap().get("mcp_servers", {})
        server = {
            "command": command[0],
            "args": command[1:],
            "env": env,
            # Else the first request does not wait for a server that starts slowly.
            "required": True,
            "default_tools_approval_mode": "approve" if approved else "auto",
        }
        self.configure({"mcp_servers": {**servers, name: server}})

    def daemon(self, wanted: bool) -> None:
        """Whether the interactive program starts a background server, as it does by default."""
        self.configure({"features": {"daemon_auto_start": wanted}})

    def list_hooks(self) -> list[dict[str, Any]]:
        """What Codex says about each hook: ``key``, ``currentHash``, ``trustStatus`` ..."""
        with AppServer(self) as server:
            return server.hooks(self.work)

    def trust_hooks(self) -> None:
        """Trust every hook as it is now, as a user does who is asked by Codex."""
        with AppServer(self) as server:
            server.trust(server.hooks(self.work))

    def close(self) -> None:
        """End all that still runs."""
        for terminal in self.terminals:
            terminal.close()
        self.home.end_all()
        # The interactive program puts a copy of itself here, 400 MB, for its background server.
        shutil.rmtree(self.config.parent / "packages", ignore_errors=True)


class AppServer:
    """``codex app-server``, the program's own interface for other programs."""

    def __init__(self, codex: Codex) -> None:
        self._process = subprocess.Popen(
            [str(codex.program), "app-server"],
            cwd=codex.work,
            env=codex.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._last = 0

    def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Make a request and give its result.

        Raises:
            RuntimeError: The server answered with an error, or went away.
        """
        self._last += 1
        self._send({"id": self._last, "method": method, "params": params})
        assert self._process.stdout
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == self._last and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
        raise RuntimeError(f"{method}: codex app-server has ended")

    def hooks(self, folder: Path) -> list[dict[str, Any]]:
        """The hooks in force in a folder."""
        (entry,) = self.call("hooks/list", {"cwds": [str(folder)]})["data"]
        hooks: list[dict[str, Any]] = entry["hooks"]
        return hooks

    def trust(self, hooks: list[dict[str, Any]]) -> None:
        """Trust these hooks."""
        state = {hook["key"]: {"trusted_hash": hook["currentHash"]} for hook in hooks}
        edit = {"keyPath": "hooks.state", "value": state, "mergeStrategy": "upsert"}
        self.call("config/batchWrite", {"edits": [edit]})

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def __enter__(self) -> AppServer:
        client = {"name": "weilink-tests", "version": "0"}
        self.call("initialize", {"clientInfo": client})
        self._send({"method": "initialized"})
        return self

    def __exit__(self, *_: object) -> None:
        kill_group(self._process.pid)
        with self._process:
            pass
