"""Editing a JSON text in place: what an edit does not concern keeps every character."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property

from weilink.setup.engine.document import DocumentError, Path
from weilink.setup.engine.jsonparse import Container, locate, parse, position, skip_blank
from weilink.setup.engine.jsonshadow import Shadow, shadow

_LINE_INDENT = re.compile(r"[ \t]*")
_FIRST_BREAK = re.compile(r"[\[{][ \t]*\r?\n")
_COLON = re.compile(r'"[ \t]*:([ \t\r\n]?)')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class JsonText:
    """A valid JSON text; with `comments` also comments and trailing commas are allowed."""

    text: str
    comments: bool = False

    def __post_init__(self) -> None:
        """Parse the text, so that an instance is always valid."""
        _ = self.value

    @cached_property
    def _shadow(self) -> Shadow:
        return shadow(self.text, comments=self.comments)

    @cached_property
    def value(self) -> object:
        """The content; `None` when there is nothing but white space and comments."""
        return None if self._blank else parse(self._shadow.strict)

    @property
    def _blank(self) -> bool:
        return not self._shadow.strict.strip(" \t\r\n")

    @property
    def _newline(self) -> str:
        end = self.text.find("\n")
        return "\r\n" if end > 0 and self.text[end - 1] == "\r" else "\n"

    @property
    def _unit(self) -> str:
        if found := _FIRST_BREAK.search(self._shadow.strict):
            outer, inner = self._line_indent(found.start()), self._line_indent(found.end())
            if inner.startswith(outer) and inner != outer:
                return inner[len(outer) :]
        return "  "

    def _line_indent(self, offset: int) -> str:
        start = self.text.rfind("\n", 0, offset) + 1
        found = _LINE_INDENT.match(self.text, start)
        return found[0] if found else ""

    def error(self, path: Path, message: str) -> DocumentError:
        """Return an error that points to the value at `path`."""
        if self._blank:
            return DocumentError(message, 1, 1)
        offset, _, _ = locate(self._shadow.strict, path)
        return DocumentError(message, *position(self.text, offset))

    def set(self, path: Path, value: object) -> JsonText:
        """Return the document with `value` at `path` (see `Document`)."""
        if self._blank:
            return self._fill(path, value)
        _, inside, place = locate(self._shadow.strict, path)
        assert inside is not None  # noqa: S101  (the root is never replaced)
        if place is None:
            key = path[-1] if isinstance(path[-1], str) else None
            return self._insert(inside, key, value)
        slot = inside.slots[place]
        alone = "\n" in self._shadow.strict[self._gap_start(inside, place) : slot.start]
        spread = alone or "\n" in self.text[slot.value_start : slot.end]
        new = self._dump(value, self._line_indent(slot.start), spread=spread)
        return self._splice(slot.value_start, slot.end, new)

    def _fill(self, path: Path, value: object) -> JsonText:
        for part in reversed(path):
            value = {part: value}
        comment_end = len(self._shadow.text.rstrip(" \t\r\n"))
        before, after = self.text[:comment_end], self.text[comment_end:]
        new = self._dump(value, "", spread=True)
        lead = self._newline if before else ""
        return JsonText(before + lead + new + (after or self._newline), self.comments)

    def _insert(self, inside: Container, key: str | None, value: object) -> JsonText:
        """Put a new member or element behind the last one."""
        if not inside.slots:
            return self._insert_first(inside, key, value)
        last = inside.slots[-1]
        gap = self._shadow.strict[self._gap_start(inside, len(inside.slots) - 1) : last.start]
        comma = self._shadow.bare.find(",", last.end, inside.close)
        listed_end = last.end if comma < 0 else comma + 1
        point = self._shadow.after_comments(listed_end)
        alone = "\n" in gap or self._shadow.ends_in_line_comment(point)
        spread = alone or "\n" in self.text[inside.open : inside.close]
        indent = self._line_indent(last.start if alone else inside.open)
        item = self._item(key, value, indent, spread=spread)
        lead = self._newline + indent if alone else self._space
        tail = "," if comma >= 0 else ""
        middle = self.text[listed_end:point]
        comma_before = "" if comma >= 0 else ","
        return self._splice(
            last.end,
            point,
            self.text[last.end : listed_end] + comma_before + middle + lead + item + tail,
        )

    def _insert_first(self, inside: Container, key: str | None, value: object) -> JsonText:
        kept = self._shadow.before_blanks(inside.close)
        comment, blanks = self.text[inside.open + 1 : kept], self.text[kept : inside.close]
        outer = self._line_indent(inside.open)
        if comment and "\n" not in blanks:
            return self._splice(kept, kept, " " + self._item(key, value, outer, spread=False))
        if "\n" not in self.text.strip() and inside.open != skip_blank(self._shadow.strict, 0):
            return self._splice(kept, inside.close, self._item(key, value, outer, spread=False))
        indent = outer + self._unit
        item = self._newline + indent + self._item(key, value, indent, spread=True)
        return self._splice(
            kept, inside.close, item + (blanks if comment else self._newline + outer)
        )

    def delete(self, path: Path) -> JsonText:
        """Return the document without the value at `path`, and without its separator."""
        _, inside, place = locate(self._shadow.strict, path)
        if inside is None or place is None:
            return self
        slots, slot = inside.slots, inside.slots[place]
        comma = self._shadow.bare.find(",", slot.end, inside.close)
        end = slot.end if comma < 0 else comma + 1
        start = self._shadow.before_blanks(slot.start)
        if len(slots) == 1:
            rest = self.text[inside.open + 1 : slot.start] + self.text[end : inside.close]
            if not rest.strip(" \t\r\n"):
                return self._splice(inside.open + 1, inside.close, "")
        elif place == 0 and not self.text[end : slots[1].start].strip(" \t\r\n"):
            return self._splice(slot.start, slots[1].start, "")
        if self._shadow.ends_in_line_comment(start) and self.text[end] not in "\r\n":
            # The line break that ends somebody's comment stays.
            start = self.text.index("\n", start) + 1
        kept = self.text[:start]
        if place and place == len(slots) - 1 and comma < 0:
            separator = self._shadow.bare.index(",", slots[place - 1].end)
            kept = kept[:separator] + kept[separator + 1 :]
        return JsonText(kept + self.text[end:], self.comments)

    def _gap_start(self, inside: Container, place: int) -> int:
        return inside.slots[place - 1].end if place else inside.open + 1

    @property
    def _space(self) -> str:
        """What stands behind a separator on one line."""
        found = _COLON.search(self._shadow.strict)
        return "" if found and not found[1] else " "

    def _item(self, key: str | None, value: object, indent: str, *, spread: bool) -> str:
        dumped = self._dump(value, indent, spread=spread)
        return dumped if key is None else f"{_scalar(key)}:{self._space}{dumped}"

    def _dump(self, value: object, indent: str, *, spread: bool) -> str:
        if not spread:
            dumped = json.dumps(
                value, ensure_ascii=False, separators=("," + self._space, ":" + self._space)
            )
        else:
            dumped = json.dumps(
                value, ensure_ascii=False, indent=self._unit, separators=(",", ":" + self._space)
            )
        return _escape(dumped).replace("\n", self._newline + indent)

    def _splice(self, start: int, end: int, new: str) -> JsonText:
        return JsonText(self.text[:start] + new + self.text[end:], self.comments)


def _scalar(value: str) -> str:
    return _escape(json.dumps(value, ensure_ascii=False))


def _escape(dumped: str) -> str:
    # A lone surrogate cannot be written as UTF-8.
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", dumped)
