"""Where the files of `hooks/` and `templates/` are: beside the package or packed into the wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKED = Path(__file__).parent / "_assets"
_CHECKOUT = Path(__file__).parent.parent


def asset(folder: Literal["hooks", "templates"], name: str) -> Path:
    """Return the path of one file of `hooks/` or `templates/`.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for root in (_PACKED, _CHECKOUT):
        path = root / folder / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{folder}/{name} is missing from this installation of weilink")
