"""The hooks of an agent, as its template has them, asked of setup."""

from __future__ import annotations

from pathlib import Path

from weilink.agents import templates
from weilink.agents.base import Changes, Request
from weilink.i18n import t

# What the script is given behind the agent's name to wait in the background.
WAKE = " wait wake"


def describe(request: Request, changes: Changes, template: str, file: Path, format_: str) -> None:
    """Ask for the hooks of the groups that the user chose, in `file`."""
    wake_command = request.hook_command + WAKE
    groups = templates.filled(
        template, hook_command=request.hook_command, wake_command=wake_command
    )
    for name in request.hooks:
        for event, group in groups[name].items():
            waits = group["hooks"][0]["command"] == wake_command
            changes.group_item(
                file,
                ("hooks", event),
                group,
                inner="hooks",
                own=wake_command if waits else request.hook_command,
                mark=request.hook_mark,
                place=request.hook_place,
                reason=_reason(name, event),
                format_=format_,
                ending=WAKE if waits else "",
                endings=() if waits else (WAKE,),
            )


def _reason(name: str, event: str) -> str:
    if name == "wake":
        return t("hook on {event}: wakes the idle agent when a message comes", event=event)
    if event == "SessionEnd":
        return t("hook on {event}: tells that the session is over", event=event)
    return t("hook on {event}: hands over waiting messages", event=event)
