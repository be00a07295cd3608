"""Counts who holds a getupdates of which bot at the same time: it must never be two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Alive = Callable[[], bool]


class Pollers:
    """The polls that are held now, and the most there have been."""

    def __init__(self) -> None:
        self._held: dict[str, list[Alive]] = {}
        self._most: dict[str, int] = {}

    def now(self, bot_id: str) -> int:
        """Return how many polls of a bot are held by clients that are still connected."""
        return sum(1 for alive in self._held.get(bot_id, []) if alive())

    def most(self, bot_id: str) -> int:
        """Return the most polls of a bot that were ever held at the same time."""
        return self._most.get(bot_id, 0)

    @contextmanager
    def held(self, bot_id: str, alive: Alive) -> Iterator[None]:
        """Count a poll while the block runs, as long as `alive` says its client is there."""
        held = self._held.setdefault(bot_id, [])
        held.append(alive)
        self._most[bot_id] = max(self.most(bot_id), self.now(bot_id))
        try:
            yield
        finally:
            held.remove(alive)
