"""Every text for people has its Chinese, with the same places to fill in."""

from __future__ import annotations

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from weilink import i18n

PACKAGE = Path(i18n.__file__).parent


def english() -> Iterator[tuple[str, str]]:
    """Every literal that the source passes to `t`, with where it stands."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "t" and path.name != "i18n.py":
                assert node.args, f"{path}:{node.lineno}"
                text = node.args[0]
                assert isinstance(text, ast.Constant), f"{path}:{node.lineno}: t() of no literal"
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", str(text.value)


def chinese() -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in (PACKAGE / "locale" / "zh").glob("*.json"):
        texts |= json.loads(path.read_text("utf-8"))
    return texts


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_has_its_chinese() -> None:
    known = chinese()
    assert [(where, text) for where, text in english() if text not in known] == []


def test_the_chinese_fills_in_the_same_places() -> None:
    wrong = [text for text, other in chinese().items() if places(text) != places(other)]
    assert wrong == []


def test_no_chinese_is_left_over() -> None:
    used = {text for _, text in english()}
    assert sorted(set(chinese()) - used) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"WEILINK_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        ({"WEILINK_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
    ],
)
def test_the_language_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("WEILINK_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert i18n.language() == expected
