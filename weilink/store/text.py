"""Text as it can be stored."""

from __future__ import annotations


def storable(text: str) -> str:
    """Return `text` with surrogate pairs joined, and a lone surrogate as U+FFFD.

    JSON can carry half a character, and a file name bytes that are no text; SQLite takes neither.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
