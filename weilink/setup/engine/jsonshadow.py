"""Strict JSON of the same length as a JSON text with comments and trailing commas.

Whatever the strict parser says about a position is then true of the original text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n\r]*|/\*.*?\*/', re.DOTALL)
_STRING_OR_LAST_COMMA = re.compile(r'"(?:\\.|[^"\\\n])*"|,(?=[ \t\r\n]*[}\]])')
_VISIBLE = re.compile(r"[^\r\n]")


@dataclass(frozen=True)
class Shadow:
    """The three views of one text, equal in length."""

    text: str
    # Comments as blanks.
    bare: str
    # Trailing commas as blanks too: strict JSON when the text is valid.
    strict: str
    # Start of each comment -> its end.
    comments: dict[int, int]

    def after_comments(self, position: int) -> int:
        """Return the end of the comments that follow `position` on the same line."""
        while True:
            start = position
            while self.text[start : start + 1] in (" ", "\t"):
                start += 1
            if start not in self.comments:
                return position
            position = self.comments[start]

    def before_blanks(self, position: int) -> int:
        """Return the end of the last sign or comment before `position`; blanks follow it."""
        end = len(self.text[:position].rstrip(" \t\r\n"))
        # Blanks at the end of a comment belong to it.
        return next((stop for start, stop in self.comments.items() if start < end < stop), end)

    def ends_in_line_comment(self, position: int) -> bool:
        """Tell whether a `//` comment ends at `position`, so that a line break must follow."""
        return any(
            end == position and self.text.startswith("//", start)
            for start, end in self.comments.items()
        )


def shadow(text: str, *, comments: bool) -> Shadow:
    """Return the views of `text`; without `comments` it has to be strict JSON as it stands."""
    if not comments:
        return Shadow(text, text, text, {})
    spans: dict[int, int] = {}

    def blank_comment(match: re.Match[str]) -> str:
        if match[0].startswith('"'):
            return match[0]
        spans[match.start()] = match.end()
        return _VISIBLE.sub(" ", match[0])

    bare = _STRING_OR_COMMENT.sub(blank_comment, text)
    strict = _STRING_OR_LAST_COMMA.sub(lambda m: m[0] if m[0].startswith('"') else " ", bare)
    return Shadow(text, bare, strict, spans)
