"""Putting the service in, taking it out, and telling how it is, for any manager."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from weilink.errors import ConfigFileError, UsageError, WeiLinkError
from weilink.i18n import t
from weilink.setup import server_command
from weilink.setup.engine import files
from weilink.userservice.base import HOST, Manager, Server, State
from weilink.userservice.launchd import Launchd
from weilink.userservice.systemd import Systemd

START_SECONDS = 30.0
"""How long a service may take until it serves; a busy computer wakes slowly."""
_MODE = 0o644


@dataclass(frozen=True)
class Report:
    """What `weilink service status` tells."""

    file: Path
    facts: dict[str, str] | None
    state: State


def url(port: str | int) -> str:
    """Return where agents find the MCP server."""
    return f"http://{HOST}:{port}/mcp"


def admin_url(port: str | int) -> str:
    """Return where people find the admin panel."""
    return f"http://{HOST}:{port}"


def manager_here(system: str = sys.platform) -> Manager:
    """Return the manager of this system.

    Raises:
        UsageError: it has none that we know.
    """
    if system == "darwin":
        return Launchd()
    if system.startswith("linux"):
        return Systemd()
    raise UsageError(
        t("Services are for Linux (systemd) and macOS (launchd); on this system let 'weilink mcp "
          "-t http' start with your session, on Windows through the Task Scheduler")
    )  # fmt: skip


def server_for(base_path: Path, port: int, admin_port: int | None) -> Server:
    """Return the server as it is started from here."""
    words = [sys.executable, *server_command.arguments(base_path), "mcp"]
    words += ["-t", "http", "-p", str(port)]
    words += ["--admin-port", str(admin_port)] if admin_port else []
    for word in words:
        if not word.isprintable():
            raise UsageError(
                t("The name of the folder is not valid text; choose another --base-path")
            )
    return Server(tuple(words), server_command.environment(), base_path, port, admin_port)


def install(manager: Manager, server: Server) -> bool:
    """Put the service in and wait until it serves; whether anything had to change.

    Raises:
        ConfigFileError: a file that is not ours has the place; nothing was written.
        UsageError: the service serves another base path, or a port is taken.
        WeiLinkError: it did not start; everything is as it was before.
    """
    manager.check()
    old = files.read(manager.file)
    if old.data is not None:
        facts = _facts_of(manager, old)
        if facts["BasePath"] != str(server.base_path):
            raise UsageError(
                t("The service serves {path}; take it out first: weilink service uninstall",
                  path=facts["BasePath"])
            )  # fmt: skip
    content = manager.content(server)
    running = old.data is not None and manager.state().running
    if running and old.data == content and _serves(server.port):
        return False
    files.check_writable(old)
    had = manager.facts(old.data) if old.data is not None and running else {}
    for port in (server.port, server.admin_port):
        if port and str(port) not in had.values():
            _check_free(port)
    files.make_folders(old.target.parent)
    _write(old.target, content, old.mode if old.data is not None else _MODE)
    try:
        manager.start()
        _wait(manager, server)
    except BaseException:
        _take_back(manager, old)
        raise
    return True


def uninstall(manager: Manager) -> bool:
    """Take the service out; whether there was one.

    Raises:
        ConfigFileError: the file in its place is not ours.
        WeiLinkError: the manager could not stop it.
    """
    old = files.read(manager.file)
    if old.data is None:
        return False
    _facts_of(manager, old)
    manager.check()
    manager.stop()
    files.remove(manager.file)
    manager.forget()
    return True


def report(manager: Manager) -> Report:
    """Return how the service is.

    Raises:
        ConfigFileError: the file in its place is not ours.
        WeiLinkError: the manager does not answer.
    """
    found = files.read(manager.file)
    if found.data is None:
        return Report(manager.file, None, State(False, None, "not installed"))
    facts = _facts_of(manager, found)
    manager.check()
    return Report(manager.file, facts, manager.state())


def _facts_of(manager: Manager, found: files.Snapshot) -> dict[str, str]:
    facts = manager.facts(found.data or b"")
    if "BasePath" not in facts:
        raise ConfigFileError(
            t("{path}: is not from 'weilink service install'; move it away (nothing was written)",
              path=found.path)
        )  # fmt: skip
    return facts


def _check_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UsageError(
                t("Port {port} cannot be used ({said}); choose another with --port or "
                  "--admin-port", port=port, said=error.strerror)
            ) from None  # fmt: skip


def _write(target: Path, content: bytes, mode: int) -> None:
    temporary = target.with_name(f".{target.name}.new")
    files.write_new(temporary, content, mode)
    files.replace(temporary, target)


def _wait(manager: Manager, server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        state = manager.state()
        if state.running and _serves(server.port):
            return
        if state.ended or time.monotonic() > deadline:
            said = manager.log() or state.words
            raise WeiLinkError(
                t("The service did not start, so it was taken out again: {said}", said=said)
            )
        time.sleep(0.2)


def _serves(port: int) -> bool:
    # Any answer will do, but an answer it must be: the port is open before the server is ready.
    try:
        with httpx.Client(trust_env=False, timeout=2) as client, client.stream("GET", url(port)):
            return True
    except httpx.HTTPError:
        return False


def _take_back(manager: Manager, old: files.Snapshot) -> None:
    if old.data is None:
        manager.stop()
        files.remove(old.target)
        manager.forget()
    else:
        _write(old.target, old.data, old.mode)
        manager.start()
