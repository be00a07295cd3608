"""The clock of the computer, for real programs, set while they run."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Clock:
    """A clock for the programs that run with `env` in their environment.

    A library of a few lines in `LD_PRELOAD`, since the clock of the computer belongs to all. Made
    with the C compiler; there is none, there is no test.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = folder / "offset"
        self.set(0)
        library = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
        self.env = {"LD_PRELOAD": str(library), "WEILINK_TESTS_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        """Set the clock so many seconds off."""
        # In place: the programs have mapped the file.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))
