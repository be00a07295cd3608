"""Claude Code: its files, what to put in them, how its hooks speak.

Facts are measured with Claude Code 2.1.330 on Linux, November 2026.
"""

from __future__ import annotations

import json

# A longer `additionalContext` is replaced by a path and a preview. The program counts UTF-16 code
# units, so a character outside the basic plane (most emoji) counts as two.
CONTEXT_LIMIT = 10_000


def prompt_context(event: str, text: str) -> str:
    """Return what a hook for `event` prints so that `text` reaches the model.

    The JSON is ASCII only, so that the code page of the agent's shell cannot change it.
    """
    output = {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}
    return json.dumps(output)
