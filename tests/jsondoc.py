"""docs/json.md: what each command prints with `--json`, from the models of the program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weilink.cli.output import OUTPUTS

INTRO = """\
# What `--json` prints

Written by `make docs` from the program itself. One object on standard output; names and meanings
stay, new fields may come. `weilink setup` is described in [setup.md](setup.md). Times are
milliseconds since 1970.
"""


def page() -> str:
    """Return the page."""
    told: set[str] = set()
    sections = [INTRO]
    for name, model in OUTPUTS.items():
        schema = model.model_json_schema(mode="serialization")
        known = schema.pop("$defs", {})
        sections.append("\n".join([f"## weilink {name}\n", *_table(schema)]))
        for one in _nested(schema, known):
            if one not in told:
                told.add(one)
                sections.append("\n".join([f"### {one}\n", *_table(known[one])]))
    return "\n\n".join(section.rstrip() for section in sections) + "\n"


def _nested(schema: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, Mapping):
            if isinstance(reference := value.get("$ref"), str):
                name = reference.rpartition("/")[2]
                if name not in found:
                    found.append(name)
                    walk(known[name])
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(schema)
    return found


def _table(schema: Mapping[str, Any]) -> Iterator[str]:
    yield schema["description"]
    yield ""
    yield "| field | type | meaning |"
    yield "| --- | --- | --- |"
    for name, field in schema["properties"].items():
        meaning = field.get("description", "")
        if meaning == schema.get("description"):
            meaning = ""
        yield f"| `{name}` | {_type(field)} | {meaning} |"


def _type(field: Mapping[str, Any]) -> str:
    if reference := field.get("$ref"):
        name: str = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := field.get("anyOf"):
        return " or ".join(_type(one) for one in choices)
    if values := field.get("enum"):
        return ", ".join(f"`{value}`" for value in values)
    if "const" in field:
        return f"`{field['const']}`".lower()
    kind: str = field["type"]
    if kind == "array":
        return "list of " + _type(field["items"])
    if kind == "object" and isinstance(values := field.get("additionalProperties"), dict):
        return "object of " + _type(values)
    return kind
