"""The hooks of an agent, as its template has them, asked of setup."""

from __future__ import annotations

from pathlib import Path

from weilink.agents import templates
from weilink.agents.base import Changes, Request
from weilink.i18n import t

# What the script is given behind the agent's name, by the name in templates. An approval is waited
# for as long as somebody may need to look at the phone.
ENDINGS = {
    "wake_command": " wait wake",
    "approve_command": " 600 approve",
    "notify_command": " 3 notify",
}


def ending(command: str) -> str:
    """Return the end of a hook's command that says what it is for, "" for handing over."""
    return next((end for end in ENDINGS.values() if command.endswith(end)), "")


def groups(template: str, command: str) -> dict[str, dict[str, dict[str, object]]]:
    """Return the groups of a template with `command` filled in: group -> event -> entry."""
    commands = {name: command + end for name, end in ENDINGS.items()}
    filled: dict[str, dict[str, dict[str, object]]] = templates.filled(
        template, hook_command=command, **commands
    )
    return filled


def command_of(entry: dict[str, object]) -> str:
    """Return the command of an entry of a group."""
    (item,) = entry["hooks"]  # type: ignore[misc]
    return str(item["command"])  # type: ignore[has-type]


def describe(request: Request, changes: Changes, template: str, file: Path, format_: str) -> None:
    """Ask for the hooks of the groups that the user chose, in `file`."""
    offered = groups(template, request.hook_command)
    for name in request.hooks:
        for event, entry in offered[name].items():
            command = command_of(entry)
            end = ending(command)
            changes.group_item(
                file,
                ("hooks", event),
                entry,
                inner="hooks",
                own=command,
                mark=request.hook_mark,
                place=request.hook_place,
                reason=_reason(name, event),
                format_=format_,
                ending=end,
                endings=() if end else tuple(ENDINGS.values()),
            )


def _reason(name: str, event: str) -> str:
    if name == "wake":
        return t("hook on {event}: wakes the idle agent when a message comes", event=event)
    if name == "approve":
        return t("hook on {event}: asks you on the phone for permission", event=event)
    if name == "notify":
        return t("hook on {event}: tells you on the phone", event=event)
    if event == "SessionEnd":
        return t("hook on {event}: tells that the session is over", event=event)
    return t("hook on {event}: hands over waiting messages", event=event)
