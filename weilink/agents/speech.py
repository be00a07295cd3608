"""How the hooks of each agent speak: what they print so that a text reaches the model.

Measured on the real programs; docs/testing.md has the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from weilink.agents import claude, codex


def utf16_units(text: str) -> int:
    """Return the length of `text` as Claude Code counts it."""
    return len(text) + sum(char > "\uffff" for char in text)


def utf8_bytes(text: str) -> int:
    """Return the length of `text` as Codex counts it."""
    return len(text.encode("utf-8", "surrogatepass"))


def context(event: str, text: str) -> str:
    """Return the output of a hook that puts `text` before the model."""
    return claude.prompt_context(event, text)


def block(event: str, text: str) -> str:
    """Return the output of a hook on `Stop` that makes the agent go on with `text`."""
    return json.dumps({"decision": "block", "reason": text})


def shown(text: str, output: str) -> str:
    """Return the output of a hook that shows `text` to the user, beside what it says already."""
    said = json.loads(output) if output else {}
    return json.dumps({**said, "systemMessage": text})


@dataclass(frozen=True)
class Speech:
    """One agent's way.

    Attributes:
        limit: the most that arrives whole, counted by `size`.
        stop_limit: the same for a text to go on with.
        go_on: the output of a hook on `Stop` with a text to go on with.
        waits: whether a hook of it can wait in the background and wake it.
    """

    limit: int
    stop_limit: int
    size: Callable[[str], int]
    go_on: Callable[[str, str], str]
    waits: bool


# A decision to block would show the text twice in Claude Code, and the context none in Codex.
SPEECHES = {
    "claude": Speech(claude.CONTEXT_LIMIT, claude.CONTEXT_LIMIT, utf16_units, context, waits=True),
    "codex": Speech(codex.CONTEXT_LIMIT, codex.STOP_LIMIT, utf8_bytes, block, waits=False),
}


def decision(behavior: str, message: str = "") -> str:
    """Return the output of a hook on `PermissionRequest`: "allow", or "deny" with a message."""
    said = {"behavior": behavior, **({"message": message} if message else {})}
    output = {"hookEventName": "PermissionRequest", "decision": said}
    return json.dumps({"hookSpecificOutput": output})
