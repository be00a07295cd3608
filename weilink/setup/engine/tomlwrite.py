"""TOML for values of our own; the texts and numbers are written by tomlkit."""

from __future__ import annotations

import re
from collections.abc import Mapping

import tomlkit

from weilink.setup.engine.document import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dotted(path: Path) -> str:
    """Return the key for a path; indexes are left out, as headers do."""
    keys = [part for part in path if isinstance(part, str)]
    return ".".join(key if _BARE.fullmatch(key) else inline(key) for key in keys)


def inline(value: object) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        pairs = (f"{dotted((key,))} = {inline(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return tomlkit.item(value).as_string()


def table(path: Path, value: object) -> list[str]:
    """Return the lines that define `value` at `path` with headers."""
    if isinstance(value, list):
        return _joined([table((*path, index), item) for index, item in enumerate(value)])
    assert isinstance(value, Mapping)  # noqa: S101  (our own callers)
    below = {key: item for key, item in value.items() if _needs_header(item)}
    pairs = [
        f"{dotted((key,))} = {inline(item)}" for key, item in value.items() if key not in below
    ]
    in_list = isinstance(path[-1], int)
    header = f"[[{dotted(path)}]]" if in_list else f"[{dotted(path)}]"
    own = [header, *pairs] if pairs or in_list or not below else []
    return _joined([own, *(table((*path, key), item) for key, item in below.items())])


def _needs_header(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping)


def _joined(blocks: list[list[str]]) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        lines += ([""] if lines and block else []) + block
    return lines
