"""The wizard in a pseudo-terminal of 80 columns, with the keyboard alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pyte
import pytest

from tests.setup.conftest import Home
from tests.setup.test_codex import codex, listed, program
from tests.setup.test_terminal import COMMAND
from tests.support.fixtures import phone
from weilink.sandbox.phone import Phone

__all__ = ["codex", "phone", "program"]

QUESTIONS = ["Which agents", "by itself", "For whom", "reach WeiLink", "Log in to", "Write this"]
ENTER, DOWN, INTERRUPT = "\r", "\x1b[B", "\x03"


class Wizard:
    """`weilink setup` in a terminal that answers what programs ask of terminals."""

    def __init__(self, home: Home, lang: str = "en", **more: str) -> None:
        self.screen = pyte.HistoryScreen(80, 40, history=1000)
        self._stream = pyte.Stream(self.screen)
        self.child = pexpect.spawn(
            sys.executable,
            [*COMMAND, "setup"],
            cwd=str(home.project),
            env={
                **os.environ,
                "HOME": str(home.root),
                "TERM": "xterm-256color",
                "WEILINK_LANG": lang,
                "PROMPT_TOOLKIT_NO_CPR": "1",
                **more,
            },
            dimensions=(40, 80),
            timeout=30,
            encoding="utf-8",
        )
        self.seen = ""

    def until(self, text: str) -> None:
        self.child.expect_exact(text)
        self._take(str(self.child.before) + str(self.child.after))

    def _take(self, text: str) -> None:
        self.seen += text
        self._stream.feed(text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.child.send(key)

    def end(self) -> int:
        self.child.expect(pexpect.EOF, timeout=90)
        self._take(str(self.child.before))
        self.child.close()
        return int(self.child.exitstatus)

    @property
    def lines(self) -> list[str]:
        history = ["".join(row[x].data for x in range(80)) for row in self.screen.history.top]
        return [line.rstrip() for line in [*history, *self.screen.display]]


@pytest.fixture
def wizard(home: Home, program: Path) -> Iterator[Wizard]:
    """A computer with Codex and a folder of Cursor."""
    (home.root / ".cursor").mkdir()
    made = Wizard(home)
    try:
        yield made
    finally:
        made.child.close(force=True)


def answer(wizard: Wizard, last: str) -> None:
    """Accept what is proposed at every question before `last`, and wait for that one."""
    for question in QUESTIONS[: QUESTIONS.index(last)]:
        wizard.until(question)
        wizard.press(ENTER)
    wizard.until(last)


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
def test_it_can_be_left_at_every_question(home: Home, wizard: Wizard, question: str) -> None:
    before = home.tree()
    answer(wizard, question)
    wizard.press(INTERRUPT)

    assert wizard.end() == 1
    assert "Nothing was written." in wizard.seen
    assert "Traceback" not in wizard.seen
    assert home.tree() == before


@pytest.mark.slow
def test_it_can_be_left_at_the_question_of_trust(home: Home, wizard: Wizard) -> None:
    before = home.tree()
    answer(wizard, "Write this")
    wizard.press(ENTER)
    wizard.until("Trust these hooks")
    wizard.press(INTERRUPT)

    assert wizard.end() == 1
    assert home.tree() == before


def test_no_is_a_no(home: Home, wizard: Wizard) -> None:
    before = home.tree()
    answer(wizard, "Write this")
    wizard.press("n")

    assert wizard.end() == 1
    assert "? Write this? no" in wizard.lines
    assert home.tree() == before


def test_nothing_chosen(home: Home, wizard: Wizard) -> None:
    wizard.until("Which agents")
    wizard.press(" ", DOWN, " ", ENTER)

    assert wizard.end() == 1
    assert "Nothing was chosen" in wizard.seen


@pytest.mark.slow
def test_it_writes_and_proves(home: Home, wizard: Wizard) -> None:
    answer(wizard, "Write this")
    wizard.press(ENTER)
    wizard.until("Trust these hooks")
    wizard.press(ENTER)

    assert wizard.end() == 0
    text = "\n".join(wizard.lines)
    for said in (
        "Codex 0.169.0",
        "✓ Codex is set up.",
        "✓ Cursor is set up.",
        "trusts WeiLink's hooks now",
        "✓ The MCP server answers",
        "✓ The hook runs",
        "✓ A test message went through the hook, and the answer back to the phone",
        "1. Log in: weilink login",
    ):
        assert said in text, text
    assert set(listed(home).values()) == {"trusted"}
    servers = json.loads((home.root / ".cursor/mcp.json").read_bytes())["mcpServers"]
    assert "weilink" in servers
    # The proof left nothing of its bot in the user's folder.
    assert not list(home.base.glob("*/token.json"))


@pytest.mark.slow
def test_choices_are_respected(home: Home, wizard: Wizard) -> None:
    wizard.until("Which agents")
    wizard.press(DOWN, " ", ENTER)  # not Cursor
    wizard.until("by itself")
    wizard.press(DOWN, " ", DOWN, " ", DOWN, " ", ENTER)  # the first alone
    wizard.until("For whom")
    wizard.press(ENTER)
    wizard.until("reach WeiLink")
    wizard.press(DOWN, ENTER)
    wizard.until("Log in to")
    wizard.press(ENTER)
    wizard.until("Write this")
    wizard.press(ENTER)
    wizard.until("Trust these hooks")
    wizard.press("n")
    wizard.end()

    assert not (home.root / ".cursor/mcp.json").exists()
    assert list(json.loads(home.codex_hooks.read_bytes())["hooks"]) == ["UserPromptSubmit"]
    assert "http://127.0.0.1:8000/mcp" in home.codex.read_text()
    assert set(listed(home).values()) == {"untrusted"}


@pytest.fixture
def new_user(home: Home, program: Path, phone: Phone) -> Iterator[Wizard]:
    """A wizard that was told to log in, and shows the code to scan."""
    (home.root / ".cursor").mkdir()
    made = Wizard(home, **phone.environment)
    try:
        answer(made, "Log in to")
        made.press(DOWN, ENTER)
        made.until("Write this")
        made.press(ENTER)
        made.until("Trust these hooks")
        assert not list(phone.state().logins), "not before the user agreed"
        made.press(ENTER)
        yield made
    finally:
        made.child.close(force=True)


@pytest.mark.slow
def test_it_logs_in_when_asked_to(home: Home, new_user: Wizard, phone: Phone) -> None:
    phone.log_in()

    assert new_user.end() == 0
    text = "\n".join(new_user.lines)
    assert "✓ A test message went through the hook" in text, text
    assert "1. Start (or restart) codex." in text, "the login is behind them"
    (token,) = home.base.glob("*/token.json")
    assert json.loads(token.read_bytes())["user_id"] == phone.user_id()


@pytest.mark.slow
def test_leaving_the_login_leaves_only_that(home: Home, new_user: Wizard, phone: Phone) -> None:
    phone.wait_login()
    new_user.until("█")
    new_user.press(INTERRUPT)

    assert new_user.end() == 0
    text = "\n".join(new_user.lines)
    assert "Traceback" not in text
    assert "✓ The MCP server answers" in text
    assert "1. Log in: weilink login" in text
    assert not list(home.base.glob("*/token.json"))


CHINESE = ["哪些编程助手", "自动进行", "为谁设置", "连接 WeiLink", "登录微信", "写入吗"]
LINES = [
    "? Which agents? (space switches, enter goes on)",
    "● Codex 0.169.0",
    "○ Claude Desktop  (not found)",
    "● an idle agent wakes up when a message comes",
    "? How do agents reach WeiLink? (arrows, enter)",
    "each agent starts it itself (recommended)",
    "one server that you keep running: weilink mcp -t http",
]


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_questions_fit_into_80_columns(home: Home, program: Path, lang: str) -> None:
    wizard = Wizard(home, lang)
    questions = CHINESE if lang == "zh" else QUESTIONS
    shown: set[str] = set()
    try:
        for question in questions:
            wizard.until(question)
            wizard.child.expect_exact("\x1b[?7h")
            wizard._take(str(wizard.child.before))
            shown |= {line.strip() for line in wizard.lines}
            wizard.press(INTERRUPT if question == questions[-1] else ENTER)
        assert wizard.end() == 1
    finally:
        wizard.child.close(force=True)
    if lang == "zh":
        last = [line for line in wizard.lines if line.startswith("? ")]
        assert last[0] == "? 哪些编程助手？ Codex"
        assert not any(word in line for word in ("done", "Yes", "No ") for line in last)
    else:
        for line in LINES:
            assert any(line in each for each in shown), (line, sorted(shown))


def test_without_a_terminal_it_says_what_to_type(home: Home) -> None:
    from weilink.cli.main import run

    before = home.tree()

    assert run(["setup"]) == 2
    assert home.tree() == before


def test_options_without_an_agent_are_refused(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    from weilink.cli.main import run

    assert run(["setup", "--yes"]) == 2
    assert "weilink setup AGENT" in capsys.readouterr().err
