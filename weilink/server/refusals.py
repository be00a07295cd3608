"""Words for calls that cannot be carried out: what is wrong, and what would be right."""

from __future__ import annotations

import difflib
import json
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


def unknown_arguments(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return a note on arguments that the tool does not know, "" when there are none."""
    known = list(schema.get("properties", {}))
    notes = []
    for name in arguments:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            notes.append(f"`{_short(name)}`" + (f" (did you mean `{close[0]}`?)" if close else ""))
    if not notes:
        return ""
    return f"Not known and ignored: {', '.join(notes)}; the parameters are {', '.join(known)}."


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
