"""Messages to people in English or Chinese.

The English text in the source is the key; the files of `locale/zh/` hold the Chinese, one for
each package. `tests/test_i18n.py` fails when a `t("...")` of the source has no Chinese.

Sentences that are made for agents and people alike, or written down and read later by another
process, are made in English; where a person reads one, `told` gives it in their language.
"""

from __future__ import annotations

import json
import locale
import os
import re
import string
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

_LANGUAGES = ("en", "zh")
_chosen: str | None = None
_speaking: ContextVar[str | None] = ContextVar("language", default=None)


def set_language(language: str | None) -> None:
    """Choose `en` or `zh` for this process; `None` goes back to the environment's choice."""
    global _chosen
    _chosen = language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Use `language` within the block, in this task: a server speaks with several people."""
    before = _speaking.set(language)
    try:
        yield
    finally:
        _speaking.reset(before)


def language() -> str:
    """Return the language in force: the chosen one, `WEILINK_LANG`, or that of the locale."""
    if (spoken := _speaking.get()) is not None:
        return spoken
    if _chosen is not None:
        return _chosen
    asked = os.environ.get("WEILINK_LANG", "")
    if asked in _LANGUAGES:
        return asked
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "zh" if value.lower().startswith("zh") else "en"
    # Windows and macOS applications often have none of the variables.
    return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"


@lru_cache(maxsize=1)
def _chinese() -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / "locale" / "zh").glob("*.json")):
        texts |= json.loads(path.read_text("utf-8"))
    return texts


def t(text: str, **values: object) -> str:
    """Return `text` in the language in force, with `{name}` places filled from `values`."""
    if language() == "zh":
        text = _chinese().get(text, text)
    return text.format(**values) if values else text


def told(text: str) -> str:
    """Return a sentence that was made in English in the language in force.

    What nobody foresaw, such as the words of a service, stays as it is.
    """
    if language() != "zh" or len(text) > _LONGEST:
        return text
    for pattern, chinese in _sentences():
        if match := pattern.fullmatch(text):
            return chinese.format(**{name: told(part) for name, part in match.groupdict().items()})
    return text


_LONGEST = 5000


@lru_cache(maxsize=1)
def _sentences() -> list[tuple[re.Pattern[str], str]]:
    """The sentences as patterns, with what they are in Chinese; those that say most first."""
    path = Path(__file__).parent / "locale" / "sentences" / "zh.json"
    known: dict[str, str] = json.loads(path.read_text("utf-8"))
    found = []
    for english, chinese in known.items():
        words, pattern = 0, ""
        for literal, name, _, _ in string.Formatter().parse(english):
            words += len(literal)
            pattern += re.escape(literal) + (f"(?P<{name}>.+?)" if name else "")
        found.append((words, re.compile(pattern, re.DOTALL), chinese))
    found.sort(key=lambda one: -one[0])
    return [(pattern, chinese) for _, pattern, chinese in found]
