"""Asking the process that leads what it does now: what is in its memory only."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
from pydantic import BaseModel, ValidationError

from weilink.service import Service

PATH = "/v1/state"
_SECONDS = 1.0


class LeaderState(BaseModel):
    """What the leader does now.

    Attributes:
        waiting: agent sessions of which a hook waits here to wake them.
        polled: bots whose messages are fetched.
    """

    waiting: list[str]
    polled: list[str]


class Leading(BaseModel):
    """The process that leads; `state` is `None` when it does not answer."""

    pid: int
    state: LeaderState | None


def state_of(service: Service, waiting: list[str]) -> LeaderState:
    """Return the state of this process, which leads."""
    return LeaderState(waiting=waiting, polled=service.leader.polled())


async def ask_leader(base_path: Path) -> Leading | None:
    """Ask the leader; `None` when none has told where it is."""
    try:
        host, port, secret, pid = (base_path / "run" / "recv").read_text("ascii").split()
        if os.name == "posix":
            # After a crash the file stays, and its port may be somebody else's.
            os.kill(int(pid), 0)
    except (OSError, ValueError, OverflowError):
        return None
    leading = Leading(pid=int(pid), state=None)
    try:
        # Never through a proxy: it is this computer, and the secret is for the leader alone.
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as http:
            answer = await http.get(
                f"http://{host}:{port}{PATH}", headers={"Authorization": f"Bearer {secret}"}
            )
        leading.state = LeaderState.model_validate_json(answer.raise_for_status().content)
    except (httpx.HTTPError, ValidationError):
        # It stands still, or is of another version.
        pass
    return leading
