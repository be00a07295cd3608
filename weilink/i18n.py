"""Messages to people in English or Chinese.

The English text in the source is the key; the files of `locale/zh/` hold the Chinese, one for
each package. `tests/test_i18n.py` fails when a `t("...")` of the source has no Chinese.
"""

from __future__ import annotations

import json
import locale
import os
from functools import lru_cache
from pathlib import Path

_LANGUAGES = ("en", "zh")
_chosen: str | None = None


def set_language(language: str | None) -> None:
    """Choose `en` or `zh` for this process; `None` goes back to the environment's choice."""
    global _chosen
    _chosen = language


def language() -> str:
    """Return the language in force: the chosen one, `WEILINK_LANG`, or that of the locale."""
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
