"""`weilink doctor`: everything that a user could get wrong, with the cure for each.

One module for each group of checks; each is a generator of findings, so that the groups after one
that takes long are not held up on the screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from weilink.doctor import agents, bots, computer, running
from weilink.doctor.finding import Finding
from weilink.settings import Settings

__all__ = ["Finding", "examine"]


def examine(settings: Settings, folder: Path, config_error: str = "") -> Iterator[Finding]:
    """Look at everything; `folder` is the one whose project settings count. Changes nothing.

    `config_error` is why `config.toml` could not be used for the settings.
    """
    yield from computer.check(settings, config_error)
    if computer.closed(settings.base_path):
        return  # that is the finding; nothing in it can be looked at
    # Before the agents are asked: they start a server to connect to.
    yield from running.check(settings)
    yield from agents.check(settings, folder)
    yield from bots.check(settings)
