"""A bot whose login has ended is told of where its user looks: at the agent."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests.support.server import DEADLINE, Server, hook_command, hook_input
from weilink.sandbox.phone import Phone
from weilink.store.credentials import BotSession, Credentials

pytestmark = pytest.mark.slow


def printed(
    server: Server, event: str = "UserPromptSubmit", session: str = "session-1", entry: str = "cli"
) -> dict[str, Any]:
    """Run the hook as Claude Code does, and return what it printed."""
    done = subprocess.run(
        hook_command(server.base),
        env={"PATH": os.environ["PATH"], "CLAUDE_CODE_ENTRYPOINT": entry},
        input=hook_input(event, session),
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    return json.loads(done.stdout) if done.stdout else {}


def end_login(server: Server, phone: Phone) -> None:
    phone.lab.make_stale()
    while not server.json("status")["bots"][0]["problem"]:
        pass


def test_each_session_is_told_once(own: Server) -> None:
    alice = own.phone
    assert printed(own) == {}
    alice.write("before it ended")
    own.wait_stored(1)
    end_login(own, alice)
    said = {
        "systemMessage": "WeiLink: bot 'default' gets no messages: its login is no longer valid: "
        "run 'weilink login default --force'"
    }
    # A program that nobody looks at, the end of a turn, and what is no prompt of the user.
    assert "systemMessage" not in printed(own, session="alone", entry="sdk-cli")
    assert printed(own, "Stop", "session-2") == {}
    # A session that begins is told at once; what waits is handed to the next prompt, beside it.
    output = printed(own)
    assert said.items() <= output.items()
    assert "before it ended" in output["hookSpecificOutput"]["additionalContext"]
    assert printed(own) == {}
    assert printed(own, "SessionStart", "session-2") == said
    assert printed(own, session="session-2") == {}
    # Ended and begun again it is told again, by nobody else's end.
    assert printed(own, "SessionEnd", "session-2") == {}
    assert printed(own) == {}
    assert printed(own, "SessionStart", "session-2") == said
    # Cured, and ended another time.
    bot = alice.lab.new_bot()
    again = BotSession("default", bot.bot_id, bot.user_id, bot.base_url, bot.token, 2.0)
    Credentials(own.base).save(again)
    while own.json("status")["bots"][0]["problem"]:
        pass
    assert printed(own, "SessionStart", "session-3") == {}
    end_login(own, alice)
    assert printed(own) == said
