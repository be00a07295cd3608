"""Editing a TOML text in place: what an edit does not concern keeps every character.

The round trip of tomlkit is not exact for every text, so no document is written as a whole. A
text is spliced, and the parser decides whether the result says what was asked for: of the ways
in which a value can be written, the first one that does so is taken.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from weilink.setup.engine.document import DocumentError, Path
from weilink.setup.engine.edits import at
from weilink.setup.engine.jsonparse import position
from weilink.setup.engine.tomlscan import Slot, Statement, slots, statements, value_end
from weilink.setup.engine.tomlwrite import dotted, inline, table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

_KEY = re.compile(r"'([^']*)'")
_KEYS = re.compile(r"\('[^']*'(?:, '[^']*')*,?\)")
_TO_COMMA = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*,")


@dataclass(frozen=True)
class TomlText:
    """A valid TOML text."""

    text: str

    def __post_init__(self) -> None:
        """Parse the text, so that an instance is always valid."""
        _ = self.value

    @cached_property
    def value(self) -> Any:
        """The content; `None` when there is nothing but white space."""
        return _parse(self.text) if self.text.strip(" \t\r\n") else None

    @cached_property
    def _statements(self) -> list[Statement]:
        return statements(self.text)

    @property
    def _newline(self) -> str:
        end = self.text.find("\n")
        return "\r\n" if end > 0 and self.text[end - 1] == "\r" else "\n"

    def error(self, path: Path, message: str) -> DocumentError:
        """Return an error that points to the value at `path`."""
        for length in range(len(path), 0, -1):
            for statement in self._statements:
                if statement.path[:length] == path[:length]:
                    return DocumentError(message, *position(self.text, statement.start))
        return DocumentError(message, 1, 1)

    def set(self, path: Path, value: object) -> TomlText:
        """Return the document with `value` at `path` (see `Document`)."""
        wanted = _with(self.value or {}, path, value)
        return self._first(self._ways(path, value), wanted, path)

    def delete(self, path: Path) -> TomlText:
        """Return the document without the value at `path`, and without its separator."""
        found = self._inline(path)
        text = self._without_slot(*found) if found else self._without(path)
        return self._first(iter((text,)), _without(self.value, path), path)

    def _first(self, texts: Iterator[str], wanted: object, path: Path) -> TomlText:
        for text in texts:
            try:
                document = TomlText(text)
            except DocumentError:
                continue
            if _same(_pruned(document.value or {}, path), _pruned(wanted, path)):
                return document
        name = ".".join(map(str, path))
        raise self.error(path, f"'{name}' is written in a way that cannot be edited")

    def _ways(self, path: Path, value: object) -> Iterator[str]:
        """Return texts that should have `value` at `path`, the nicest first."""
        if found := self._inline(path):
            slot = found[1]
            yield self._splice(slot.value, slot.end, inline(value))
            return
        for statement in self._statements:
            if statement.path == path and statement.value is not None:
                yield self._splice(statement.value, statement.end, inline(value))
                return
        nested = isinstance(value, Mapping)
        if any(statement.path[: len(path)] == path for statement in self._statements):
            yield self._replaced(path, value)
        if (opened := self._container(path[:-1])) is not None:
            yield self._appended(opened, path, value)
        if nested or isinstance(path[-1], int) or _of_tables(value):
            yield self._at_end(path, value)
        yield from self._beside(path, value)

    def _at_end(self, path: Path, value: object) -> str:
        block = self._newline.join(table(path, value))
        if not self.text:
            return block + self._newline
        # A file that ends without a line break does so afterwards too, which tells `delete`.
        if self.text.endswith("\n"):
            return self.text + self._newline + block + self._newline
        return self.text + self._newline * 2 + block

    def _replaced(self, path: Path, value: object) -> str:
        """Put tables in the place of the tables at `path`."""
        spans = self._spans(path)
        block = self._newline.join(table(path, value))
        text = self.text
        for start, end in reversed(spans[1:]):
            text = text[:start] + text[end:]
        start, end = spans[0]
        after = self._newline if text[start:end].endswith("\n") else ""
        return text[:start] + block + after + text[end:]

    def _beside(self, path: Path, value: object) -> Iterator[str]:
        """Write one line behind the last one of the same table."""
        parent = path[:-1]
        anchor: Statement | None = None
        for statement in self._statements:
            pair = statement.value is not None and statement.path[: len(parent)] == parent
            if (pair and statement.table == parent[: len(statement.table)]) or (
                statement.value is None and statement.path == parent
            ):
                anchor = statement
        if anchor is None:
            if not parent:
                yield f"{dotted(path)} = {inline(value)}{self._newline}{self.text}"
            return
        line = f"{dotted(path[len(anchor.table) :])} = {inline(value)}"
        start = self.text.rfind("\n", 0, anchor.start) + 1
        indent = self.text[start : anchor.start]
        end = self._line_end(anchor.end)
        lead = self.text[:end]
        if lead.endswith("\n"):
            yield lead + indent + line + self._newline + self.text[end:]
        else:
            yield lead + self._newline + indent + line

    def _container(self, path: Path) -> int | None:
        """Return where the inline table or array at `path` opens."""
        for statement in self._statements:
            if statement.path == path and statement.value is not None:
                return statement.value if self.text[statement.value] in "[{" else None
        found = self._inline(path)
        if found is not None and self.text[found[1].value] in "[{":
            return found[1].value
        return None

    def _appended(self, start: int, path: Path, value: object) -> str:
        key = f"{dotted(path[-1:])} = " if isinstance(path[-1], str) else ""
        inside = slots(self.text, start)
        if inside:
            return self._splice(inside[-1].end, inside[-1].end, f", {key}{inline(value)}")
        space = " " if self.text[start] == "{" else ""
        filled = f"{space}{key}{inline(value)}{space}"
        return self._splice(start + 1, start + 1, filled)

    def _inline(self, path: Path) -> tuple[int, Slot] | None:
        """Return the inline container around the value at `path`, and its slot in it."""
        for statement in self._statements:
            depth = len(statement.path)
            if statement.value is not None and depth < len(path) and path[:depth] == statement.path:
                return self._slot(statement.value, path[depth:])
        return None

    def _slot(self, start: int, rest: Path) -> tuple[int, Slot] | None:
        if self.text[start] not in "[{":
            return None
        for slot in slots(self.text, start):
            if slot.key == rest:
                return start, slot
            if slot.key == rest[: len(slot.key)]:
                return self._slot(slot.value, rest[len(slot.key) :])
        return None

    def _without_slot(self, start: int, slot: Slot) -> str:
        inside = slots(self.text, start)
        index = inside.index(slot)
        if len(inside) == 1:
            return self._without_only_slot(start, slot)
        if index:
            before = inside[index - 1].end
            if "#" not in self.text[before : slot.start]:
                return self._splice(before, slot.end, "")
            comma = self.text.index(",", before)
            return self.text[:comma] + self.text[comma + 1 : slot.start] + self.text[slot.end :]
        following = inside[1].start
        if "#" not in self.text[slot.end : following]:
            return self._splice(slot.start, following, "")
        comma = self.text.index(",", slot.end)
        return self.text[: slot.start] + self.text[slot.end : comma] + self.text[comma + 1 :]

    def _without_only_slot(self, start: int, slot: Slot) -> str:
        before, after = self.text[: slot.start], self.text[slot.end :]
        close = value_end(self.text, start) - 1 - slot.end
        # A comma behind it may stand after a comment, which can have some too.
        found = _TO_COMMA.match(after[:close])
        if found:
            after = after[: found.end() - 1] + after[found.end() :]
        if self.text[start] == "{":
            before, after = before.removesuffix(" "), after.removeprefix(" ")
        return before + after

    def _without(self, path: Path) -> str:
        text = self.text
        for start, end in reversed(self._spans(path)):
            begins_table = text[start:end].lstrip(" \t").startswith("[")
            before, after = text[:start], text[end:]
            for line_break in ("\r\n", "\n"):
                if begins_table and before.endswith(line_break * 2):
                    before = before.removesuffix(line_break)
                    break
            if begins_table and not before:
                after = after.removeprefix("\r").removeprefix("\n")
            if not after and not text.endswith("\n"):
                before = before.removesuffix("\n").removesuffix("\r")
            text = before + after
        return text

    def _spans(self, path: Path) -> list[tuple[int, int]]:
        """Return the lines that define `path`, those that touch each other as one."""
        spans: list[tuple[int, int]] = []
        for statement in self._statements:
            if statement.path[: len(path)] != path:
                continue
            start = self.text.rfind("\n", 0, statement.start) + 1
            end = self._line_end(statement.end)
            if spans and not self.text[spans[-1][1] : start].strip(" \t\r\n"):
                start = spans.pop()[0]
            spans.append((start, end))
        return spans

    def _line_end(self, offset: int) -> int:
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end + 1

    def _splice(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new + self.text[end:]


@lru_cache(maxsize=8)
def _parse(text: str) -> dict[str, Any]:
    # Not with tomlkit, which refuses some valid texts and takes a minute for 5 MB.
    try:
        return dict(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _error(text, str(error)) from None
    except RecursionError:
        raise DocumentError("nested too deeply", 1, 1) from None


def _error(text: str, message: str) -> DocumentError:
    found = _PLACE.search(message)
    line, column = position(text, len(text))
    if found:
        message = message[: found.start()]
        if found[1]:
            line, column = int(found[1]), int(found[2])
    # The parser shows keys as Python does: ('a', 'b').
    message = _KEYS.sub(lambda keys: f"[{'.'.join(_KEY.findall(keys[0]))}]", message)
    return DocumentError(message[:1].lower() + message[1:], line, column)


def _of_tables(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _with(content: Any, path: Path, value: object) -> Any:
    """Return `content` with `value` at `path`; what is not on the way is shared."""
    changed = copy.copy(content)
    if len(path) > 1:
        changed[path[0]] = _with(content[path[0]], path[1:], value)
    elif isinstance(path[0], int) and path[0] == len(changed):
        changed.append(value)
    else:
        changed[path[0]] = value
    return changed


def _without(content: Any, path: Path) -> Any:
    """Return `content` without what is at `path`; what is not on the way is shared."""
    changed = copy.copy(content)
    if len(path) > 1:
        changed[path[0]] = _without(content[path[0]], path[1:])
    else:
        del changed[path[0]]
    return changed


def _same(one: object, other: object) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    # "nan" is not equal to itself, and 1 equal to True.
    return type(one) is type(other) and (one == other or repr(one) == repr(other))


def _pruned(content: Any, path: Path) -> Any:
    """Return `content` without what is empty above `path`: headers take such tables with them."""
    for depth in range(len(path) - 1, 0, -1):
        if isinstance(path[depth - 1], str) and at(content, path[:depth]) in ({}, []):
            content = _without(content, path[:depth])
    return content
