"""How much of a hook's text Codex puts before the model: 10,000 bytes, or what the hook says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.codex import Codex
from tests.agents.hooks import context, printing
from tests.agents.model import Model

pytestmark = pytest.mark.agents

WHOLE = {"a": 10_000, "中": 3_333, "😀": 2_500}
CHARACTERS = pytest.mark.parametrize("character", list(WHOLE))


@CHARACTERS
def test_whole_up_to_the_limit(codex: Codex, model: Model, tmp_path: Path, character: str) -> None:
    text = character * WHOLE[character]
    codex.hook("UserPromptSubmit", printing(tmp_path, context("UserPromptSubmit", text)))
    codex.trust_hooks()
    codex.prompt("hello")
    assert text in model.turns[0].parts

    printing(tmp_path, context("UserPromptSubmit", text + character))
    codex.prompt("hello")
    (said,) = [part for part in model.turns[1].parts if "tokens truncated" in part]
    path = Path(said.split("Full hook output saved to: ")[1].strip())
    assert path.read_text(encoding="utf-8") == text + character


@CHARACTERS
def test_limit_of_the_hook_is_in_tokens_of_four_bytes(
    codex: Codex, model: Model, tmp_path: Path, character: str
) -> None:
    text = character * (WHOLE[character] * 2)
    command = printing(tmp_path, context("UserPromptSubmit", text))
    codex.hook("UserPromptSubmit", command, additionalContextLimit=5_000)
    codex.trust_hooks()
    codex.prompt("hello")
    assert text in model.turns[0].parts


def test_limit_of_zero_is_none(codex: Codex, model: Model, tmp_path: Path) -> None:
    command = printing(tmp_path, context("UserPromptSubmit", "中" * 100_000))
    codex.hook("UserPromptSubmit", command, additionalContextLimit=0)
    codex.trust_hooks()
    codex.prompt("hello")
    assert "中" * 100_000 in model.turns[0].parts


def test_text_to_go_on_with_has_the_same_limit_whatever_the_hook_says(
    codex: Codex, model: Model, tmp_path: Path
) -> None:
    """`additionalContextLimit` does not count for a decision to block."""
    for number, more in enumerate(("", "中")):
        folder = tmp_path / str(number)
        folder.mkdir()
        printed = printing(folder, {"decision": "block", "reason": "中" * 3_333 + more})
        once = f"if mkdir {folder / 'once'}; then {printed}; else cat >/dev/null; fi"
        codex.hooks.unlink(missing_ok=True)
        codex.hook("Stop", once, additionalContextLimit=7_500)
        codex.trust_hooks()
        codex.prompt("hello")
        whole = "中" * 3_333 + more in model.turns[-1].text
        assert whole == (not more)
