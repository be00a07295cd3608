"""How the commands tell people what became of a part."""

from __future__ import annotations

from datetime import datetime

from weilink.i18n import t, told
from weilink.service.outcomes import state_word
from weilink.service.visible import visible


def one_line(text: str) -> str:
    """Return text that stays on one line of a terminal and gives it no orders."""
    return " ".join(visible(text).split("\n"))


def outcome(state: str, reason: str, until: datetime | None) -> tuple[str, str]:
    """Return the word for the state of a part, and what follows it in brackets, if anything."""
    why = told(reason)
    if state == "queued" and until is not None:
        time = f"{until.astimezone():%Y-%m-%d %H:%M}"
        why = t("{why}; given up on {time}", why=why or t("it waits"), time=time)
    return state_word(state), f"  ({one_line(why)})" if why else ""
