"""How far the files of one call are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from weilink.service.spool import Progress
from weilink.store.models import NewPart


class Meter:
    """Adds up the progress of the files of one call."""

    def __init__(self, parts: Sequence[NewPart], progress: Progress | None) -> None:
        self._done = {p.client_id: 0 for p in parts if p.upload is not None}
        self._total = sum(p.upload.size for p in parts if p.upload is not None)
        self._progress = progress
        self.alive: Callable[[], None] = lambda: None

    def of(self, client_id: str) -> Progress:
        """Return the callback for the file of one part."""

        def report(done: int, total: int) -> None:
            self.alive()
            if client_id in self._done and self._progress is not None:
                self._done[client_id] = done
                # The padding is nothing that the caller knows of.
                self._progress(min(sum(self._done.values()), self._total), self._total)

        return report
