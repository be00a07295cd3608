"""What the owner writes in the chat to WeiLink itself: commands, and answers to approvals."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass

# Letters and digits that are not mistaken for each other, in an order that no word has.
_LETTERS = "abcdefhjkmnpqrtuvwxy"
_DIGITS = "234679"
_COMMAND = re.compile(r"/(agents|status|use)(?:\s+(\S+))?", re.IGNORECASE)
_VERDICT = re.compile(
    rf"([yn])\s+([{_LETTERS}][{_DIGITS}][{_LETTERS}][{_DIGITS}])(?:\s+(.*))?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Command:
    """`/agents`, `/status` or `/use ARGUMENT`."""

    name: str
    argument: str


@dataclass(frozen=True)
class Verdict:
    """The answer to the approval with this code."""

    code: str
    allows: bool
    reason: str


def new_code() -> str:
    """Return a code for an approval, such as `k7q2`."""
    return "".join(secrets.choice(chars) for chars in (_LETTERS, _DIGITS) * 2)


def parse(text: str) -> Command | Verdict | None:
    """Return what the text tells WeiLink; `None`: it is for an agent."""
    # Keyboards for Chinese write full-width letters and digits.
    text = unicodedata.normalize("NFKC", text).strip()
    if found := _COMMAND.fullmatch(text):
        name, argument = found[1].lower(), found[2] or ""
        # `/status of the build` is no command of ours.
        return Command(name, argument) if name == "use" or not argument else None
    if found := _VERDICT.fullmatch(text):
        return Verdict(found[2].lower(), found[1].lower() == "y", (found[3] or "").strip())
    return None
