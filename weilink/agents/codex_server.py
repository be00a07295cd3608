"""`codex app-server`: how other programs ask Codex about hooks and servers, and tell it of trust.

One JSON object a line on standard input and output. Hashes of hooks are Codex's own business:
it says them, and gets them back unchanged.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import weilink
from weilink.agents.base import AskError, HookTrust, ServerState

_SECONDS = 20.0
# Codex waits for servers that start slowly; older versions for those of others too.
_SERVER_SECONDS = 60.0


class AppServer:
    """One run of the program; a context manager.

    Raises:
        AskError: from every method, when the program does not do what it is asked.
    """

    def __init__(self, program: Path, folder: Path) -> None:
        self._command = [str(program), "app-server"]
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._last = 0

    def hooks(self) -> list[HookTrust]:
        """Return all hooks in force in the folder."""
        try:
            data = self._call("hooks/list", {"cwds": [str(self._folder)]})["data"]
            return [
                HookTrust(
                    key=hook["key"],
                    digest=hook["currentHash"],
                    trusted=hook["trustStatus"] in ("trusted", "managed"),
                    command=hook.get("command") or "",
                    event=hook["eventName"],
                )
                for entry in data
                for hook in entry["hooks"]
            ]
        except (KeyError, TypeError) as error:
            raise AskError(f"hooks/list: no {error} in the answer") from None

    def trust(self, digests: Mapping[str, str]) -> None:
        """Trust the hooks with these keys as they are now."""
        state = {key: {"trusted_hash": digest} for key, digest in digests.items()}
        edit = {"keyPath": "hooks.state", "value": state, "mergeStrategy": "upsert"}
        self._call("config/batchWrite", {"edits": [edit]})

    def server(self, name: str) -> ServerState | None:
        """Let Codex connect to its MCP server `name`; `None` when it has none in the folder."""
        # `codex mcp list` shows what is configured, and connects to nothing.
        asked = {"serverName": name, "detail": "toolsAndAuthOnly"}
        found = self._server(name, asked)
        if found is None:
            # Newer versions know servers of a project only within a conversation.
            start = {"cwd": str(self._folder), "ephemeral": True}
            thread = self._call("thread/start", start)["thread"]["id"]
            found = self._server(name, {**asked, "threadId": thread})
        return found

    def _server(self, name: str, asked: Mapping[str, Any]) -> ServerState | None:
        try:
            # Older versions ignore the name, and list all, page by page.
            cursor = None
            while True:
                page = self._call(
                    "mcpServerStatus/list", {**asked, "cursor": cursor}, _SERVER_SECONDS
                )
                for server in page["data"]:
                    if server["name"] == name:
                        reached = server.get("serverInfo") is not None
                        return ServerState(reached, str(server.get("toolsError") or ""))
                cursor = page.get("nextCursor")
                if not cursor:
                    return None
        except (KeyError, TypeError) as error:
            raise AskError(f"mcpServerStatus/list: no {error} in the answer") from None

    def _call(self, method: str, params: Mapping[str, Any], seconds: float = _SECONDS) -> Any:
        self._last += 1
        self._send({"id": self._last, "method": method, "params": params})
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AskError(f"{method}: no answer in {seconds:.0f} seconds") from None
            if not line:
                raise AskError(f"{method}: codex app-server ended")
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if not isinstance(message, dict) or "method" in message:
                continue
            if message.get("id") != self._last:
                continue
            if "error" in message:
                raise AskError(f"{method}: {_sentence(message['error'])}")
            return message.get("result")

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None  # noqa: S101
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise AskError("codex app-server ended") from None

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None  # noqa: S101
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")

    def __enter__(self) -> AppServer:
        try:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise AskError(f"codex app-server: {error.strerror}") from None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            client = {"name": "weilink", "title": "WeiLink", "version": weilink.__version__}
            self._call("initialize", {"clientInfo": client})
            self._send({"method": "initialized"})
        except AskError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        assert process is not None and process.stdin is not None  # noqa: S101
        try:
            # The end of its input ends it, after it has written what it was told.
            process.stdin.close()
            process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        self._reader.join(1)


def _sentence(error: object) -> str:
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)
