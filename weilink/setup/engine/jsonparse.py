"""Where the members of a JSON text stand.

Only the containers on the way to an edit are taken apart; the rest is skipped by the decoder of
the standard library, so that a file of some megabytes takes milliseconds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from weilink.setup.engine.document import DocumentError, Path

_BLANK = re.compile(r"[ \t\r\n]*")
_STRING_OR_CONSTANT = re.compile(r'"(?:\\.|[^"\\])*"|-?(?:NaN|Infinity)')
_MAX_INT_DIGITS = 4000


class _ConstantError(Exception):
    """`NaN` or `Infinity`, which are not JSON."""


def _no_constant(name: str) -> object:
    raise _ConstantError(name)


def _number(digits: str) -> int | str:
    # Python refuses to convert a number of more digits; its text is all that is needed here.
    return int(digits) if len(digits) < _MAX_INT_DIGITS else digits


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=_number)


@dataclass(frozen=True)
class Slot:
    """One member of an object or one element of an array. Positions are offsets."""

    start: int
    value_start: int
    end: int
    key: str | None


@dataclass(frozen=True)
class Container:
    """One object or array: offsets of its brackets, and what stands in it."""

    open: int
    close: int
    slots: tuple[Slot, ...]


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of `offset`, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def skip_blank(text: str, offset: int) -> int:
    """Return the offset of the next character that is not white space."""
    match = _BLANK.match(text, offset)
    assert match is not None  # noqa: S101  (the pattern matches the empty string)
    return match.end()


def parse(strict: str) -> object:
    """Return the value of a strict JSON text.

    Raises:
        DocumentError: it is not valid JSON.
    """
    try:
        value, end = _DECODER.raw_decode(strict, skip_blank(strict, 0))
    except json.JSONDecodeError as error:
        message = error.msg[0].lower() + error.msg[1:]
        raise DocumentError(message, *position(strict, error.pos)) from None
    except _ConstantError as error:
        found = (m for m in _STRING_OR_CONSTANT.finditer(strict) if m[0] == str(error))
        raise DocumentError(
            f"{error} is not JSON", *position(strict, next(found).start())
        ) from None
    except RecursionError:
        raise DocumentError("nested too deeply", 1, 1) from None
    rest = skip_blank(strict, end)
    if rest != len(strict):
        raise DocumentError("more text after the end", *position(strict, rest))
    return value


def container(strict: str, offset: int) -> Container:
    """Return the object or array that opens at `offset` of a valid text."""
    slots: list[Slot] = []
    is_object = strict[offset] == "{"
    cursor = skip_blank(strict, offset + 1)
    while strict[cursor] not in "}]":
        start, key = cursor, None
        if is_object:
            key, cursor = _DECODER.raw_decode(strict, cursor)
            cursor = skip_blank(strict, skip_blank(strict, cursor) + 1)
        _, end = _DECODER.raw_decode(strict, cursor)
        slots.append(Slot(start, cursor, end, key))
        cursor = skip_blank(strict, end)
        if strict[cursor] == ",":
            cursor = skip_blank(strict, cursor + 1)
    return Container(offset, cursor, tuple(slots))


def locate(strict: str, path: Path) -> tuple[int, Container | None, int | None]:
    """Return the offset of the value at `path`, the container it is in, and its place there.

    The last part of `path` need not exist: its place is then `None`, and the offset the
    container's.

    Raises:
        DocumentError: a key of `path` stands twice, or something on the way is no container.
    """
    offset = skip_blank(strict, 0)
    inside: Container | None = None
    place: int | None = None
    for depth, part in enumerate(path):
        expected = "an object" if isinstance(part, str) else "a list"
        if strict[offset] != ("{" if isinstance(part, str) else "["):
            where = f"'{'.'.join(map(str, path[:depth]))}'" if depth else "the document"
            raise DocumentError(f"{where} has to be {expected}", *position(strict, offset))
        inside = container(strict, offset)
        place = _place(strict, inside, part)
        if place is None:
            if depth != len(path) - 1:
                raise DocumentError(f"'{part}' is missing", *position(strict, offset))
            break
        offset = inside.slots[place].value_start
    return offset, inside, place


def _place(strict: str, inside: Container, part: str | int) -> int | None:
    if isinstance(part, int):
        return part if part < len(inside.slots) else None
    found = [index for index, slot in enumerate(inside.slots) if slot.key == part]
    if len(found) > 1:
        again = inside.slots[found[1]]
        raise DocumentError(f"the key '{part}' stands twice", *position(strict, again.start))
    return found[0] if found else None
