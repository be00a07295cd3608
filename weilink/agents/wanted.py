"""What an agent needs in its files, as data: setup turns it into a plan.

Each `reason` is a sentence for the user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Commands:
    """The agent's own commands for an entry; the JSON of the value takes the place of `{value}`."""

    add: tuple[str, ...]
    remove: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A key of an object. A present one may be replaced when one of `marks` is in it.

    Of a present one only the keys `owned` are changed, all when there are none.
    """

    file: Path
    path: tuple[str, ...]
    value: Mapping[str, Any]
    reason: str
    marks: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    format: str = "json"
    commands: Commands | None = None


@dataclass(frozen=True, kw_only=True)
class ListedGroup:
    """A group in a list; its items stand under `inner` and are known by `own`.

    `place` is the part of `own` that stays when a user edits it; older ones have one of `marks`.
    `ending` is the end of `own`, or none of `endings` is: several purposes in one list.
    """

    file: Path
    path: tuple[str, ...]
    value: Mapping[str, Any]
    reason: str
    inner: str
    own: str
    place: str
    marks: tuple[str, ...]
    ending: str = ""
    endings: tuple[str, ...] = ()
    format: str = "json"


@dataclass(frozen=True, kw_only=True)
class OwnFile:
    """A file of our own. A present one may be replaced when one of `marks` is in it."""

    file: Path
    content: bytes
    reason: str
    marks: tuple[str, ...] = ()


Wanted = Entry | ListedGroup | OwnFile
