"""Words for calls that cannot be carried out: what is wrong, and what would be right."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

LONGEST_VALUE = 60


def unknown_tool(name: str, tools: Sequence[str]) -> str:
    """Return what to say to a call of a tool that is not there."""
    return f"there is no tool '{_short(name)}'; the tools are {', '.join(tools)}"


def wrong_arguments(tool: str, error: ValidationError, schema: Mapping[str, Any]) -> str:
    """Return what to say to arguments that `schema`, the tool's input schema, does not allow."""
    properties = schema.get("properties", {})
    problems = []
    for entry in error.errors(include_url=False, include_context=False):
        name = str(entry["loc"][0]) if entry["loc"] else ""
        if entry["type"] == "missing":
            problems.append(f"`{name}` is missing: {_expected(properties.get(name, {}))}")
            continue
        given = _short(json.dumps(entry["input"], ensure_ascii=False, default=str))
        problems.append(f"`{name}` must be {_expected(properties.get(name, {}))}, not {given}")
    return f"{tool} was not carried out: " + "; ".join(dict.fromkeys(problems))


def not_taken(tool: str, arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return what to say to arguments that `tool` does not know but that were meant, else "".

    Carrying the call out without them would do something else than what was asked: show all
    messages instead of those of one `user`, answer from another bot than `bot_id`. What some
    clients add to every call, the n8n ones for example, has nothing to do with ours and is ignored.
    """
    known = list(schema.get("properties", {}))
    problems = []
    for name in arguments:
        if name in known or name in _ADDED_BY_CLIENTS or not _words(name) & _OUR_WORDS:
            continue
        close = difflib.get_close_matches(name, known, n=1) or [
            other for other in known if _words(name) & _words(other)
        ]
        hint = f" (did you mean `{close[0]}`?)" if close else ""
        problems.append(f"`{_short(name)}`{hint}")
    if not problems:
        return ""
    takes = f"its parameters are {', '.join(known)}" if known else "it has no parameters"
    return f"{tool} was not carried out: it does not know {', '.join(problems)}; {takes}"


_ADDED_BY_CLIENTS = frozenset({"sessionId", "toolCallId"})
_OUR_WORDS = frozenset(
    (
        "bot", "caption", "contact", "contains", "content", "count", "dir", "direction", "file",
        "folder", "force", "from", "group", "image", "kind", "limit", "message", "msg", "name",
        "new", "offset", "old", "path", "picture", "query", "recipient", "save", "search",
        "session", "since", "text", "timeout", "to", "type", "until", "user", "video", "voice",
    )
)  # fmt: skip
"""Words in names of parameters that ours have, or that somebody would use for the same."""


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}


def _expected(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(value or '""' for value in schema["enum"])
    words = _TYPES.get(str(schema.get("type")), "a value of the input schema")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        words += f" from {low:g} to {high:g}"
    elif low is not None:
        words += f" of at least {low:g}"
    if "maxLength" in schema:
        words += f" of at most {schema['maxLength']:,} characters"
    if description := schema.get("description"):
        words += f" ({description})"
    return words


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
