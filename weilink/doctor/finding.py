"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """How bad it is: in order, `note` is for what need not be cured."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: a stable name for programs.
        what: what was found.
        why: why it matters; empty when all is well.
        cure: the command that mends it, or what to do; empty when nothing need be done.
    """

    check: str
    level: Level
    what: str
    why: str = ""
    cure: str = ""


def ok(check: str, what: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check, Level.OK, what)
