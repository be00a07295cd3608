"""The difference that a plan makes, as people read it, with the secrets of others left out."""

from __future__ import annotations

import difflib
import re
from itertools import takewhile

from weilink.setup.engine.files import BOM
from weilink.setup.engine.plan import Change
from weilink.setup.engine.redact import redact, redact_toml

_CONTEXT = 3
_LONG = 160
# New lines are shown whole, within reason.
_VERY_LONG = 2000
_AROUND = 40
_HEADER = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


def unified(change: Change) -> list[str]:
    """Return the lines of the difference; none when the file stays as it is."""
    if not change.effective:
        return []
    toml = change.snapshot.path.suffix == ".toml"
    old, new = _lines(change.snapshot.data, toml=toml), _lines(change.new, toml=toml)
    name = str(change.snapshot.path)
    # Most of a large file is the same, and the comparison takes quadratic time.
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    rest = min(len(old), len(new)) - head
    pairs = zip(reversed(old), reversed(new), strict=False)
    tail = min(rest, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
    start = max(0, head - _CONTEXT)
    stop = max(0, tail - _CONTEXT)
    found = difflib.unified_diff(
        old[start : len(old) - stop],
        new[start : len(new) - stop],
        name if change.snapshot.data is not None else "/dev/null",
        name if change.new is not None else "/dev/null",
        n=_CONTEXT,
        lineterm="",
    )
    return _shorten([_moved(line, start) for line in found])


def _lines(data: bytes | None, *, toml: bool) -> list[str]:
    text = (data or b"").removeprefix(BOM).decode("utf-8", "replace")
    text = redact_toml(text) if toml else redact(text)
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _moved(line: str, by: int) -> str:
    if not line.startswith("@@"):
        return line
    return _HEADER.sub(
        lambda m: f"@@ -{int(m[1]) + by}{m[2] or ''} +{int(m[3]) + by}{m[4] or ''} @@", line
    )


def _shorten(lines: list[str]) -> list[str]:
    """Cut long lines to what is different in them."""
    shown: list[str] = []
    for index, line in enumerate(lines):
        if len(line) <= _LONG or line.startswith(("---", "+++")):
            shown.append(line)
            continue
        other = ""
        if line[0] == "-" and index + 1 < len(lines) and lines[index + 1][0] == "+":
            other = lines[index + 1]
        elif line[0] == "+" and lines[index - 1][0] == "-":
            other = lines[index - 1]
        if line[0] == "+" and not other and len(line) <= _VERY_LONG:
            shown.append(line)
        else:
            shown.append(line[0] + _cut(line[1:], other[1:]))
    return shown


def _cut(line: str, other: str) -> str:
    same = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(line, other, strict=False))
    )
    end = min(len(line), len(other)) - same
    pairs = zip(reversed(line), reversed(other), strict=False)
    tail = min(end, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
    start = max(0, same - _AROUND)
    stop = min(len(line), max(len(line) - tail + _AROUND, start + _LONG // 2)) if other else _LONG
    return ("…" if start else "") + line[start:stop] + ("…" if stop < len(line) else "")
