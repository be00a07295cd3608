"""How much of a hook's text Claude Code puts before the model: 10,000 UTF-16 units."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.claude import Claude
from tests.agents.hooks import context, printing
from tests.agents.model import Model

pytestmark = pytest.mark.agents

EVENTS = pytest.mark.parametrize("event", ["UserPromptSubmit", "SessionStart"])


@EVENTS
@pytest.mark.parametrize("text", ["a" * 10_000, "中" * 10_000, "😀" * 5_000], ids=["a", "中", "😀"])
def test_whole(claude: Claude, model: Model, tmp_path: Path, event: str, text: str) -> None:
    claude.hook(event, printing(tmp_path, context(event, text)))
    claude.prompt("hello")
    assert text in model.turns[0].text


@EVENTS
@pytest.mark.parametrize("text", ["a" * 10_001, "中" * 10_001, "😀" * 5_001], ids=["a", "中", "😀"])
def test_one_more_is_cut(
    claude: Claude, model: Model, tmp_path: Path, event: str, text: str
) -> None:
    """A preview and the path of a file with the whole: nothing of use for a message."""
    claude.hook(event, printing(tmp_path, context(event, text)))
    claude.prompt("hello")
    (said,) = [part for part in model.turns[0].parts if "<persisted-output>" in part]
    assert text not in said
    assert text[:900] in said
    path = said.split("Full output saved to: ")[1].splitlines()[0]
    assert Path(path).read_text(encoding="utf-8") == text


def test_each_hook_has_the_limit_of_its_own(claude: Claude, model: Model, tmp_path: Path) -> None:
    for letter in "ab":
        folder = tmp_path / letter
        folder.mkdir()
        text = context("UserPromptSubmit", letter * 10_000)
        claude.hook("UserPromptSubmit", printing(folder, text))
    claude.prompt("hello")
    assert "a" * 10_000 in model.turns[0].text
    assert "b" * 10_000 in model.turns[0].text
