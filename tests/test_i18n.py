"""Every text for people has its Chinese, with the same places to fill in."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
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


def made() -> Iterator[str]:
    """Every text of the source, with `{}` where an f-string puts something in."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"\{\w+\}", "{}", node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
                yield re.sub(r"(\{\})+", "{}", "".join(map(str, parts)))


def test_sentences_are_those_that_the_source_makes() -> None:
    sentences = json.loads((PACKAGE / "locale" / "sentences" / "zh.json").read_text("utf-8"))
    source = set(made()) | {os.strerror(number) for number in errno.errorcode}
    # Put together from two texts of the source; the first is Python's own.
    source |= {
        "Symlink loop from '{}'",
        "'{}' is no picture (its content is {}); send it as a file",
        "'{}' is no video (its content is {}); send it as a file",
        "media is not fetched from {}: it is no host of WeChat",
        "{}, looked for in {}",
        "{}: no answer from {} ({})",
        "{}: the media service gives no answer ({})",
        "{}: {} cannot be reached ({})",
    }
    left_over = [one for one in sentences if re.sub(r"\{\w+\}", "{}", one) not in source]
    assert left_over == []
    assert [one for one, other in sentences.items() if places(one) != places(other)] == []


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            "bot a b: its login is no longer valid: run 'weilink login 'a b' --force'",
            "机器人 a b：登录已失效：请运行 weilink login 'a b' --force",
        ),
        (
            "iLink refused sendmessage: 系统繁忙: no (-1); it will be tried again",
            "iLink 拒绝了 sendmessage：系统繁忙: no（-1）；会再次尝试",
        ),
        (
            "given up after three days in the queue (it waited because: WeChat takes no more "
            "replies now; it goes out with the user's next message)",
            "排队三天后放弃（等待的原因：微信现在不再接受回复；对方再次发消息时会发出）",
        ),
        ("{0} a {name} %s of nobody's", "{0} a {name} %s of nobody's"),
        ("'{0}' is no regular file", "“{0}”不是普通文件"),
    ],
)
def test_a_sentence_that_was_written_down_is_told_in_chinese(english: str, chinese: str) -> None:
    with i18n.speaking("zh"):
        assert i18n.told(english) == chinese
    with i18n.speaking("en"):
        assert i18n.told(english) == english


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
