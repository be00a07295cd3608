from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weilink.service.splitting import MAX_CHARACTERS, split
from weilink.store.text import storable

LINES = st.lists(
    st.sampled_from(
        ["", "```python", "```", "~~~", "      ```", "\t~~~~",
         "- item of a list", "1. one", "一句话。又一句。",
         "    code", "word " * 9, "x" * 70, "👩‍👩‍👧‍👦🇨🇳é" * 5, "````", "```not a close"]
    ),
    max_size=40,
)  # fmt: skip


def bare(text: str) -> str:
    """Without white space and fences: what must never change."""
    text = re.sub(r"^[ \t]*(`{3,}|~{3,})[^\n]*$", "", text, flags=re.MULTILINE)
    return re.sub(r"\s", "", text)


@given(LINES.map("\n".join), st.integers(160, 400))
def test_nothing_is_lost_or_too_long(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(part.strip() and len(part) <= limit for part in parts)
    assert bare("\n".join(parts)) == bare(text)


@given(st.text(max_size=3000), st.integers(100, 300))
def test_any_text(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    for part in parts:
        part.encode()


def test_cuts_at_paragraphs() -> None:
    paragraphs = [f"{n} " + "word " * 100 for n in range(30)]
    parts = split("\n\n".join(paragraphs))
    assert all(part.split(" ")[0].isdigit() for part in parts)
    assert all(len(part.encode()) <= 16384 for part in parts)


def test_cuts_at_list_items() -> None:
    items = [f"- item {n}\n  goes on {'x' * 90}" for n in range(100)]
    parts = split("\n".join(items))
    assert len(parts) > 2
    assert all(part.startswith("- item") for part in parts)


def test_keeps_a_code_block_whole_when_it_fits() -> None:
    code = "```python\n" + "print(1)\n" * 100 + "```"
    parts = split("text\n" * 700 + "\n" + code + "\nafter")
    assert parts[-1].startswith("```python\n")
    assert parts[-1].endswith("```\nafter")


def test_a_code_block_that_is_cut_stays_code() -> None:
    parts = split(
        "intro\n\n```python\n" + "".join(f"x = {n}\n" for n in range(2000)) + "```\n\nend"
    )
    assert len(parts) > 3
    for part in parts[1:-1]:
        assert part.startswith("```python\n")
        assert part.endswith("\n```")
    assert parts[-1].endswith("end")
    numbers = re.findall(r"x = (\d+)$", "\n".join(parts), re.MULTILINE)
    assert numbers == [str(n) for n in range(2000)]


@pytest.mark.parametrize("margin", [3, 4, 6, 12])
def test_a_code_block_in_a_list_stays_code(margin: int) -> None:
    """As under `10. ` or in a list within a list, where a fence stands in further than three."""
    space = " " * margin
    code = "".join(f"{space}x = {n}\n" for n in range(800))
    after = "".join(f"{n} words after it.\n" for n in range(400))
    parts = split(f"10. do this:\n\n{space}```python\n{code}{space}```\n{after}")
    assert len(parts) > 3
    for part in parts:
        assert len(re.findall(r"^ *```", part, re.MULTILINE)) % 2 == 0
    # What was code is code, what was not is not.
    shown = "".join(re.findall(r"^ *```python\n(.*?)^ *```$", "\n".join(parts), re.M | re.S))
    assert re.findall(r"x = (\d+)", shown) == [str(n) for n in range(800)]
    assert "words after" not in shown


def test_a_fence_within_the_code_ends_no_block() -> None:
    body = "".join(f'    """\n    ```\n    {n}\n    ```\n    """\n' for n in range(300))
    parts = split(f"```python\n{body}```\nend")
    assert len(parts) > 2
    for part in parts:
        assert part.startswith("```python\n")
        assert len(re.findall(r"^```", part, re.MULTILINE)) == 2
    assert parts[-1].endswith("\n```\nend")


HAN = "\u1112\u1161\u11ab"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


def test_never_inside_a_character() -> None:
    for character in ("é", "👩‍👩‍👧‍👦", "🇨🇳", "👍🏽", "❤️", HAN, ENGLAND):
        text = character * 3000
        for part in split(text):
            assert part.replace(character, "") == ""


def test_surrogates() -> None:
    assert storable("\ud83d\ude00 \ud83d") == "😀 \ufffd"
    assert "".join(split("😀" * (MAX_CHARACTERS + 1))) == "😀" * (MAX_CHARACTERS + 1)
