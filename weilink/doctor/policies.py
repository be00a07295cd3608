"""What an organisation, or the user, has set so that hooks do not run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weilink.agents.base import Agent
from weilink.agents.claude import config_folder as claude_folder
from weilink.agents.codex import config_folder as codex_folder
from weilink.doctor.finding import Finding, Level
from weilink.i18n import t

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def check(agent: Agent, folder: Path) -> Iterator[Finding]:
    """Look at the settings that switch hooks off."""
    if agent.name == "claude":
        for file in (*managed_claude(), *_own_claude(folder)):
            yield from _claude(file, managed=file in managed_claude())
    elif agent.name == "codex":
        for file in (*managed_codex(), codex_folder() / "config.toml"):
            yield from _codex(file, managed=file in managed_codex())


def managed_claude(system: str | None = None) -> list[Path]:
    """Return the files with which an organisation manages Claude Code."""
    system = system or sys.platform
    if system == "darwin":
        folder = Path("/Library/Application Support/ClaudeCode")
    elif system == "win32":
        folder = Path(os.environ.get("PROGRAMFILES", r"C:\Program Files")) / "ClaudeCode"
    else:
        folder = Path("/etc/claude-code")
    try:
        more = sorted((folder / "managed-settings.d").glob("*.json"))
    except OSError:
        more = []
    return [folder / "managed-settings.json", *more]


def managed_codex(system: str | None = None) -> list[Path]:
    """Return the files with which an organisation manages Codex."""
    system = system or sys.platform
    if system == "win32":
        folder = Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "OpenAI" / "Codex"
    else:
        folder = Path("/etc/codex")
    return [folder / name for name in ("managed_config.toml", "requirements.toml", "config.toml")]


def _own_claude(folder: Path) -> list[Path]:
    project = folder / ".claude"
    return [
        claude_folder() / "settings.json",
        project / "settings.json",
        project / "settings.local.json",
    ]


def _claude(file: Path, *, managed: bool) -> Iterator[Finding]:
    try:
        content: Any = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return
    if not isinstance(content, dict):
        return
    keys = ["disableAllHooks", *(["allowManagedHooksOnly"] if managed else [])]
    for key in keys:
        if content.get(key) is True:
            yield _off("claude", file, key, managed=managed)


def _codex(file: Path, *, managed: bool) -> Iterator[Finding]:
    try:
        content: Any = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return
    features = content.get("features")
    for key in ("hooks", "codex_hooks"):
        if isinstance(features, dict) and features.get(key) is False:
            yield _off("codex", file, f"features.{key}", managed=managed)
    if managed and content.get("allow_managed_hooks_only") is True:
        yield _off("codex", file, "allow_managed_hooks_only", managed=managed)


def _off(agent: str, file: Path, key: str, *, managed: bool) -> Finding:
    cure = (
        t("ask who manages this computer; until then use: weilink setup {agent} --hooks none, and"
          " the recv tool", agent=agent)
        if managed
        else t("remove '{key}' from {path}", key=key, path=file)
    )  # fmt: skip
    return Finding(
        f"{agent}.policy",
        Level.ERROR,
        t("{path}: '{key}' switches hooks off", path=file, key=key),
        t("No messages reach prompts, whatever setup installed."),
        cure,
    )
