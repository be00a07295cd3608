"""The modules of a page as one script, put together when the server starts.

A browser asks for one file instead of a dozen, which is most of the time until a page is there.
It is no compiler: it knows the forms of `import` and `export` that our pages and Preact use, and
fails on any other, so that a page which cannot be put together shows in the first test.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping

_IMPORT = re.compile(r'(?<![\w$.])import\s*\{([^}]*)\}\s*from\s*"([^"]+)";')
_STAR = re.compile(r'^export \* from "([^"]+)";', re.M)
_LIST = re.compile(r"(?<![\w$.])export\s*\{([^}]*)\};?")
_UNPACKED = re.compile(r"^export (const \{([^}]*)\})", re.M)
_NAMED = re.compile(r"^export ((?:async function\*?|function\*?|class|const) ([\w$]+))", re.M)
_OTHER = re.compile(r"(?:^|[;}])\s*(?:import|export)\b.*|\bimport\s*[.(].*", re.M)


def bundle(entry: str, sources: Mapping[str, str], words: Mapping[str, Mapping[str, str]]) -> str:
    """Return one script that does what the module `entry` does.

    Args:
        entry: the name of the module that starts; it alone may await at its top.
        sources: the text of each module by its name, such as `web/ui.js`. A module imports others
            by a path relative to its own, or by `/assets/` and the name.
        words: texts by language that the page finds as `globalThis.WORDS`.

    Raises:
        ValueError: a module is missing, imports itself, or has another kind of import or export.
    """
    order: list[str] = []
    texts: dict[str, str] = {}

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ValueError(f"modules import each other: {' -> '.join([*path, name])}")
        if name in texts:
            return
        if name not in sources:
            raise ValueError(f"{path[-1] if path else 'the page'} wants {name}, which is not there")
        body, wanted = _linked(name, sources[name])
        for one in wanted:
            add(one, (*path, name))
        texts[name] = body
        order.append(name)

    add(entry, ())
    parts = ['"use strict";', f"globalThis.WORDS = {json.dumps(words, ensure_ascii=False)};"]
    for name in order[:-1]:
        parts.append(f"const {_handle(name)} = (() => {{\n{texts[name]}\n}})();")
    parts.append(f"(async () => {{\n{texts[entry]}\n}})();\n")
    return "\n".join(parts)


def _handle(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name)


def _place(importer: str, given: str) -> str:
    if given.startswith("/assets/"):
        return given.removeprefix("/assets/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), given))


def _linked(name: str, text: str) -> tuple[str, list[str]]:
    """Return the body of a function that returns what a module exports, and what it imports."""
    wanted: list[str] = []
    exported: list[str] = []

    def taken(found: re.Match[str]) -> str:
        wanted.append(_place(name, found[2]))
        pairs = ", ".join(": ".join(one) if one[1] else one[0] for one in _pairs(found[1]))
        return f"const {{ {pairs} }} = {_handle(wanted[-1])};"

    def all_of(found: re.Match[str]) -> str:
        wanted.append(_place(name, found[1]))
        exported.insert(0, f"...{_handle(wanted[-1])}")
        return ""

    def listed(found: re.Match[str]) -> str:
        exported.extend(f"{new}: {old}" if new else old for old, new in _pairs(found[1]))
        return ""

    def unpacked(found: re.Match[str]) -> str:
        exported.extend(new or old for old, new in _pairs(found[2].replace(":", " as ")))
        return found[1]

    def named(found: re.Match[str]) -> str:
        exported.append(found[2])
        return found[1]

    for pattern, replace in (
        (_IMPORT, taken),
        (_STAR, all_of),
        (_LIST, listed),
        (_UNPACKED, unpacked),
        (_NAMED, named),
    ):
        text = pattern.sub(replace, text)
    if left := _OTHER.search(text):
        raise ValueError(f"{name}: this cannot be put together: {left[0][:80]}")
    return f"{text}\nreturn {{ {', '.join(exported)} }};", wanted


def _pairs(names: str) -> list[tuple[str, str]]:
    """Return the names of `a, b as c` as `("a", ""), ("b", "c")`."""
    found = []
    for one in names.split(","):
        if one.strip():
            old, _, new = one.strip().partition(" as ")
            found.append((old.strip(), new.strip()))
    return found
