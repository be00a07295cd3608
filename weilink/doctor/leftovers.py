"""What older installs, and the weilink 0.6 package, left in the files of agents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from weilink.agents.base import Agent
from weilink.agents.claude import config_folder as claude_folder
from weilink.agents.codex import config_folder as codex_folder
from weilink.agents.hooks import ending
from weilink.agents.shell import OLD_SCRIPT
from weilink.doctor.finding import Finding, Level
from weilink.i18n import t


def check(agent: Agent) -> Iterator[Finding]:
    """Look for what is not from this WeiLink."""
    if agent.name == "claude":
        yield from _claude()
    elif agent.name == "codex":
        yield from _codex()


def _claude() -> Iterator[Finding]:
    plugin = claude_folder() / "plugins" / "weilink"
    if plugin.exists() or plugin.is_symlink():
        yield Finding(
            "claude.leftovers",
            Level.WARNING,
            t("{path} is from weilink 0.6", path=plugin),
            t("Claude Code does not load it from there; it does nothing."),
            f"rm -r '{plugin}'" if not plugin.is_symlink() else f"rm '{plugin}'",
        )
    yield from _twice("claude", claude_folder() / "settings.json")


def _codex() -> Iterator[Finding]:
    for path in (
        codex_folder() / "hooks" / OLD_SCRIPT,
        codex_folder() / "commands" / "weilink.md",
    ):
        if path.exists():
            yield Finding(
                "codex.leftovers",
                Level.WARNING,
                t("{path} is from weilink 0.6", path=path),
                t("It asks for messages that this WeiLink hands over already."),
                f"rm '{path}'",
            )
    yield from _twice("codex", codex_folder() / "hooks.json")


def _twice(agent: str, file: Path) -> Iterator[Finding]:
    try:
        hooks = json.loads(file.read_text("utf-8-sig")).get("hooks", {})
        commands = [
            (event, item.get("command", ""))
            for event, groups in hooks.items()
            for group in groups
            for item in group.get("hooks", [])
        ]
    except (OSError, ValueError, AttributeError, TypeError):
        return
    ours = [pair for pair in commands if "weilink_hook.py" in pair[1]]
    old = [event for event, command in commands if OLD_SCRIPT in command]
    places = {(event, ending(command)) for event, command in ours}
    if len(ours) > len(places):
        yield Finding(
            f"{agent}.leftovers",
            Level.WARNING,
            t("{path} has WeiLink's hook twice", path=file),
            t("Each prompt asks twice, and waits twice."),
            f"weilink setup {agent}",
        )
    if old:
        yield Finding(
            f"{agent}.leftovers",
            Level.WARNING,
            t("{path} has a hook of weilink 0.6 ({event})", path=file, event=old[0]),
            t("Nothing of what it prints reaches the model, and every prompt waits for it."),
            f"weilink setup {agent}",
        )
