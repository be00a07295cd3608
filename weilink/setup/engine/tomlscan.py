"""Where the statements of a valid TOML text stand.

The parsers say what a text means; this says which characters mean it. It knows only as much of
the syntax as is needed to find ends, because a parser has accepted the text before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import tomlkit

from weilink.setup.engine.document import Path

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})'
    r'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\r\n]+")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Statement:
    """A header or a pair of the text, with the place it defines. Positions are offsets."""

    path: Path
    # The table it stands in; of a header that table itself.
    table: Path
    start: int
    end: int
    # Of a pair: where its value starts.
    value: int | None = None


@dataclass(frozen=True)
class Slot:
    """One member of an inline table or one element of an array."""

    key: Path
    start: int
    value: int
    end: int


@lru_cache(maxsize=8)
def statements(text: str) -> list[Statement]:
    """Return all headers and pairs in their order; not to be changed."""
    found: list[Statement] = []
    # Array of tables -> index of its last element.
    last: dict[Path, int] = {}
    table: Path = ()
    cursor = _gap(text, 0)
    while cursor < len(text):
        start = cursor
        if text[cursor] == "[":
            many = text.startswith("[[", cursor)
            keys, cursor = _dotted(text, cursor + 1 + many)
            cursor = text.index("]", cursor) + 1 + many
            table = _place(keys, last, many=many)
            found.append(Statement(table, table, start, cursor))
        else:
            keys, cursor = _dotted(text, cursor)
            value = _blank(text, cursor + 1)
            cursor = value_end(text, value)
            found.append(Statement((*table, *keys), table, start, cursor, value))
        cursor = _gap(text, cursor)
    return found


def slots(text: str, start: int) -> list[Slot]:
    """Return what stands in the inline table or array that opens at `start`."""
    return list(_slots(text, start))


def value_end(text: str, start: int) -> int:
    """Return where the value ends that starts at `start`."""
    if text[start] in "[{":
        end = start + 1
        for slot in _slots(text, start):
            end = slot.end
        cursor = _gap(text, end)
        if text[cursor] == ",":
            cursor = _gap(text, cursor + 1)
        return cursor + 1
    if found := _TEXT.match(text, start):
        return found.end()
    plain = _PLAIN.match(text, start)
    assert plain is not None  # noqa: S101  (the text is valid)
    return start + len(plain[0].rstrip(" \t"))


def _slots(text: str, start: int) -> Iterator[Slot]:
    cursor = _gap(text, start + 1)
    index = 0
    while text[cursor] not in "]}":
        begin = cursor
        key: Path = (index,)
        if text[start] == "{":
            key, cursor = _dotted(text, cursor)
            cursor = _gap(text, cursor + 1)
        end = value_end(text, cursor)
        yield Slot(key, begin, cursor, end)
        index += 1
        cursor = _gap(text, end)
        if text[cursor] == ",":
            cursor = _gap(text, cursor + 1)


def _place(keys: Path, last: dict[Path, int], *, many: bool) -> Path:
    """Return what a header names: a name of an array of tables means its last element."""
    path: Path = ()
    for depth, key in enumerate(keys):
        path = (*path, key)
        if many and depth == len(keys) - 1:
            last[path] = last.get(path, -1) + 1
        if path in last:
            path = (*path, last[path])
    return path


def _dotted(text: str, cursor: int) -> tuple[Path, int]:
    """Return the parts of a dotted key, and where what follows it stands."""
    keys: list[str] = []
    while True:
        cursor = _blank(text, cursor)
        found = _TEXT.match(text, cursor) or _BARE_KEY.match(text, cursor)
        assert found is not None  # noqa: S101  (the text is valid)
        keys.append(_key(found[0]))
        cursor = _blank(text, found.end())
        if text[cursor] != ".":
            return tuple(keys), cursor
        cursor += 1


@lru_cache(maxsize=1024)
def _key(written: str) -> str:
    if written[0] == "'" or "\\" not in written:
        return written.strip(written[0]) if written[0] in "\"'" else written
    return str(tomlkit.value(written))


def _gap(text: str, cursor: int) -> int:
    found = _GAP.match(text, cursor)
    assert found is not None  # noqa: S101  (the pattern matches the empty string)
    return found.end()


def _blank(text: str, cursor: int) -> int:
    found = _BLANK.match(text, cursor)
    assert found is not None  # noqa: S101
    return found.end()
