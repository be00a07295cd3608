"""Filling in the marked places of `templates/`."""

from __future__ import annotations

import json
from typing import Any

from weilink.assets import asset


def text(name: str) -> str:
    """Return a template as it stands."""
    return asset("templates", name).read_text("utf-8")


def filled(name: str, **values: object) -> Any:
    """Return the content of a JSON template, with each `"{{name}}"` replaced by its value."""
    return _fill(json.loads(text(name)), {f"{{{{{key}}}}}": value for key, value in values.items()})


def _fill(content: Any, values: dict[str, object]) -> Any:
    if isinstance(content, dict):
        return {key: _fill(value, values) for key, value in content.items()}
    if isinstance(content, list):
        return [_fill(value, values) for value in content]
    return values.get(content, content) if isinstance(content, str) else content
