"""What every format can do, so that edits are written once for all of them."""

from __future__ import annotations

from typing import Protocol

# Keys of objects and indexes of arrays, from the root of the document.
Path = tuple[str | int, ...]


class DocumentError(Exception):
    """A document does not parse, or has another shape than an edit needs."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class Document(Protocol):
    """A parsed text that keeps every character which an edit does not concern."""

    @property
    def text(self) -> str:
        """The whole text."""

    @property
    def value(self) -> object:
        """The content as plain Python values; `None` when the text is blank."""

    def error(self, path: Path, message: str) -> DocumentError:
        """Return an error that points to the value at `path`."""

    def set(self, path: Path, value: object) -> Document:
        """Return the document with `value` at `path`.

        The parent of `path` exists. A new key goes behind the others; the index behind the last
        one appends to an array.

        Raises:
            DocumentError: a key on the way stands twice, or holds something else.
        """

    def delete(self, path: Path) -> Document:
        """Return the document without the value at `path`, and without its separator."""
