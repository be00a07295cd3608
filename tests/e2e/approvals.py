"""What the tests of approvals share: agents that ask for permission, and the owner's phone."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tests.agents.claude import Claude
from tests.agents.codex import Codex
from tests.agents.model import Call
from tests.agents.terminal import Terminal
from tests.support.agents import USUAL, connect
from tests.support.server import Server
from weilink.sandbox.phone import Phone

ASKING = f"{USUAL},approve"
_CODE = re.compile(r"Answer: y (\w{4}) to allow, n \1 ")


@dataclass(frozen=True)
class Asking:
    """An agent in a terminal that may do nothing without being allowed to."""

    agent: Claude | Codex
    terminal: Terminal

    @property
    def name(self) -> str:
        """As the phone names it."""
        return "codex" if isinstance(self.agent, Codex) else "claude"

    @property
    def dialogue(self) -> str:
        """What its usual dialogue says."""
        return "Would you like to run" if self.name == "codex" else "Do you want to proceed"

    def touch(self, name: str) -> Call:
        """Return the call of a tool that makes a file of this name in its folder."""
        command = f"touch {self.agent.work / name}"
        if self.name == "claude":
            return Call("Bash", {"command": command, "description": "harmless"})
        beyond = {"sandbox_permissions": "require_escalated", "justification": "harmless"}
        return Call("exec_command", {"cmd": command, **beyond})

    def made(self, name: str) -> bool:
        """Return whether that file is there."""
        return (self.agent.work / name).exists()

    def allow_at_the_computer(self) -> None:
        """Answer its usual dialogue with yes."""
        self.terminal.wait_for_text(self.dialogue)
        while self.dialogue in self.terminal.screen:
            # A key that comes with the dialogue itself is not taken for an answer.
            self.terminal.write("\r")
            try:
                self.terminal.wait_for(lambda screen: self.dialogue not in screen, 1)
            except TimeoutError:
                continue


def prepare(agent: Claude | Codex, server: Server, hooks: str = ASKING, *more: str) -> None:
    """Install the hooks in an agent that is to ask for everything."""
    if isinstance(agent, Claude):
        agent.settings.write_text('{"permissions": {"defaultMode": "default"}}')
    connect(agent, server, hooks, *more)


def wait_seconds(agent: Claude | Codex, seconds: int) -> None:
    """Edit how long the installed hook waits for an answer, as a user may."""
    file = agent.hooks if isinstance(agent, Codex) else agent.settings
    installed = file.read_text()
    assert " 600 approve" in installed
    file.write_text(installed.replace(" 600 approve", f" {seconds} approve"))
    if isinstance(agent, Codex):
        agent.trust_hooks()


def start(agent: Claude | Codex) -> Asking:
    """Start an agent that asks."""
    if isinstance(agent, Codex):
        terminal = agent.interactive("-a", "on-request", "-s", "read-only")
    else:
        terminal = agent.interactive("--permission-mode", "default")
    terminal.wait_quiet(0.5)
    return Asking(agent, terminal)


def code_of(phone: Phone, about: str) -> str:
    """Wait for the question about a file of this name; return its code."""
    question = phone.wait_for(contains=about, timeout=20)[-1].text
    found = _CODE.search(question)
    assert found is not None, question
    return found[1]


def told(phone: Phone, text: str, count: int = 1) -> None:
    """Wait until the phone was told this so many times."""
    phone.wait_for(contains=text, count=count)


def kept(base: Path) -> list[tuple[str, str, str]]:
    """Return agent, state and reason of every question, as the database keeps them."""
    with sqlite3.connect(base / "weilink.db") as db:
        found = db.execute("SELECT agent, state, reason FROM approvals ORDER BY row").fetchall()
    db.close()
    return found


def all_sent(base: Path) -> bool:
    """Return whether what the phone shows is known to be sent, which it is a moment later."""
    with sqlite3.connect(base / "weilink.db") as db:
        (left,) = db.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()
    db.close()
    return not left
