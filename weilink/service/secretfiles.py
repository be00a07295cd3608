"""Where agents and other programs of the user keep what opens their accounts."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

# Below the home folder; the environment variables move the whole folder.
_AGENTS = (("CLAUDE_CONFIG_DIR", ".claude"), ("CODEX_HOME", ".codex"))
_OF_AGENTS = (".credentials.json", "auth.json", ".claude.json*", "backups")
_AT_HOME = (
    ".claude.json*", ".cursor/mcp.json", ".gemini/oauth_creds.json", ".openclaw",
    ".ssh", ".gnupg", ".password-store", ".local/share/keyrings", "Library/Keychains",
    ".aws", ".azure", ".kube", ".config/gcloud", ".config/gh", ".docker/config.json",
    ".netrc", "_netrc", ".git-credentials", ".config/git/credentials", ".npmrc", ".pypirc",
)  # fmt: skip
_SETTINGS = ("Claude/claude_desktop_config.json", "Code/User/mcp.json")
"""Desktop programs keep tokens of MCP servers here."""


def secret_places() -> Iterator[Path]:
    """Yield the files and folders that are there."""
    for home in _homes():
        folders = {home / default for _, default in _AGENTS}
        for variable, _ in _AGENTS:
            if moved := os.environ.get(variable):
                folders.add(Path(moved))
        for folder in folders:
            for name in _OF_AGENTS:
                yield from folder.glob(name)
        for name in _AT_HOME:
            yield from home.glob(name)
        for settings in _settings_folders(home):
            for name in _SETTINGS:
                yield from settings.glob(name)


def _homes() -> set[Path]:
    found = {Path.home()}
    if sys.platform != "win32":
        import pwd

        # An agent may run with another HOME than the one in which its user logged in; in some
        # containers the user has no entry.
        with contextlib.suppress(KeyError):
            found.add(Path(pwd.getpwuid(os.getuid()).pw_dir))
    return found


def _settings_folders(home: Path) -> Iterator[Path]:
    yield home / ".config"
    yield home / "Library" / "Application Support"
    yield home / "AppData" / "Roaming"
    for variable in ("XDG_CONFIG_HOME", "APPDATA"):
        if configured := os.environ.get(variable):
            yield Path(configured)
