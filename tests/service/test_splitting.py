from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from weilink.service.splitting import MAX_CHARACTERS, split
from weilink.store.text import storable

LINES = st.lists(
    st.sampled_from(
        ["", "```python", "```", "~~~", "- item of a list", "1. one", "一句话。又一句。",
         "    code", "word " * 9, "x" * 70, "👩‍👩‍👧‍👦🇨🇳é" * 5, "````", "```not a close"]
    ),
    max_size=40,
)  # fmt: skip


def bare(text: str) -> str:
    """Without white space and fences: what must never change."""
    text = re.sub(r"^ {0,3}(`{3,}|~{3,})[^\n]*$", "", text, flags=re.MULTILINE)
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
