"""The hooks of an agent, as its template has them, asked of setup."""

from __future__ import annotations

from pathlib import Path

from weilink.agents import templates
from weilink.agents.base import Request
from weilink.agents.wanted import ListedGroup
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


def wanted(request: Request, template: str, file: Path, format_: str) -> list[ListedGroup]:
    """Return the hooks of the groups that the user chose, for `file`."""
    offered = groups(template, request.hook_command)
    names = list(request.hooks)
    if request.show_tool_calls and "turn" in names:
        names.insert(names.index("turn") + 1, "tools")
    return [
        ListedGroup(
            file=file,
            path=("hooks", event),
            value=entry,
            reason=_reason(name, event),
            inner="hooks",
            own=(command := command_of(entry)),
            place=request.hook_place,
            marks=request.hook_marks,
            ending=(end := ending(command)),
            endings=() if end else tuple(ENDINGS.values()),
            format=format_,
        )
        for name in names
        for event, entry in offered[name].items()
    ]


def _reason(name: str, event: str) -> str:
    if name == "wake":
        return t("hook on {event}: wakes the idle agent when a message comes", event=event)
    if name == "approve":
        return t("hook on {event}: asks you on the phone for permission", event=event)
    if name == "notify":
        return t("hook on {event}: tells you on the phone", event=event)
    if name == "tools":
        return t("hook on {event}: shows in the chat that a tool begins", event=event)
    if event == "SessionEnd":
        return t("hook on {event}: tells that the session is over", event=event)
    return t("hook on {event}: hands over waiting messages", event=event)
