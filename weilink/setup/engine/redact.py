"""Hiding what could be a secret of others in a text that is shown; the lines stay the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HIDDEN = "•••"
_NAMES = (
    "token|secret|passw|api_?-?key|authorization|credential|cookie|bearer|private|access_?-?key"
    "|session_?-?key|_key|approved"
)
_TEXT = r'"(?:\\.|[^"\\])*"'
_SECRET_KEY = re.compile(
    rf'("[^"\n]*(?:{_NAMES})[^"\n]*"\s*:\s*)({_TEXT}|\[[^\]]*\])',
    re.IGNORECASE,
)
_PLACE_OF_SECRETS = re.compile(r'("(?:env|headers)"\s*:\s*\{)([^{}]*)(\})')
_PAIR = re.compile(rf'("(?!WEILINK_(?!TOKEN))[^"\n]*"\s*:\s*){_TEXT}')
# What looks like a key wherever it stands: a known beginning, or long and without a word or path.
_SECRET_TEXT = re.compile(
    r"""["'](?:(?:sk|pk|ghp|gho|ghs|xox[a-z]|github_pat|glpat|AKIA|eyJ)[-_A-Za-z0-9.]{12,}"""
    r"""|Bearer [^"']+|(?=[^"']*[0-9])(?=[^"']*[A-Za-z])[A-Za-z0-9+_-]{32,}={0,2})["']"""
)
_PLACES = ("env", "headers", "http_headers")
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_OURS = re.compile("WEILINK_(?!TOKEN)")
_URL_PASSWORD = re.compile(r"(://[^/\s:@\"]*:)[^/\s@\"]+(@)")


def redact(text: str) -> str:
    """Return a JSON text, or any other, with what could be a secret hidden."""
    hidden = f'"{_HIDDEN}"'
    text = _PLACE_OF_SECRETS.sub(
        lambda match: match[1] + _PAIR.sub(rf"\g<1>{hidden}", match[2]) + match[3], text
    )

    def hide(match: re.Match[str]) -> str:
        breaks = match[2].count("\n")
        return (
            match[1]
            + (hidden if match[2].startswith('"') else f"[{hidden}")
            + "\n" * breaks
            + ("" if match[2].startswith('"') else "]")
        )

    return _hide_texts(_SECRET_KEY.sub(hide, text))


def _hide_texts(text: str) -> str:
    hidden = f'"{_HIDDEN}"'
    text = _SECRET_TEXT.sub(hidden, text)
    return _URL_PASSWORD.sub(rf"\g<1>{_HIDDEN}\g<2>", text)


def redact_toml(text: str) -> str:
    """Return a valid TOML text with what could be a secret hidden."""
    # Imported here: tomlkit takes as long as all the rest.
    from weilink.setup.engine.tomlscan import statements

    spans: list[tuple[int, int]] = []
    for statement in statements(text):
        if statement.value is not None:
            spans += _secret_spans(text, statement.path, statement.value, statement.end)
    for start, end in reversed(spans):
        breaks = text.count("\n", start, end)
        text = text[:start] + f'"{_HIDDEN}"' + "\n" * breaks + text[end:]
    return _hide_texts(text)


def _secret_spans(
    text: str, path: tuple[str | int, ...], start: int, end: int
) -> Iterator[tuple[int, int]]:
    from weilink.setup.engine.tomlscan import slots

    names = [part for part in path if isinstance(part, str)]
    in_place = any(name in _PLACES for name in names[:-1]) and not _OURS.match(names[-1])
    if _SECRET_NAME.search(names[-1]) or (in_place and text[start] not in "[{"):
        if text[start] in "\"'[":
            yield start, end
    elif text[start] in "[{":
        for slot in slots(text, start):
            yield from _secret_spans(text, (*path, *slot.key), slot.value, slot.end)
