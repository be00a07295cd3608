"""What becomes of a command when what it writes to takes no more."""

from __future__ import annotations

import errno
import os
import sys

_NO_ROOM = frozenset({errno.ENOSPC, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)})


def given_up(error: OSError) -> int:
    """Return the exit code of a command that could not write; say why when it matters.

    Raises:
        OSError: `error` is about something else.
    """
    gone = isinstance(error, BrokenPipeError)
    if not gone and error.errno not in _NO_ROOM:
        raise error
    # At its end Python tries once more to print what is left, and fails with a text of its own.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if gone:
        # `weilink history | head`: the reader has what it wanted.
        return 0
    from weilink.i18n import t

    said = t("nothing more can be written ({error}); make room, then run it again",
             error=error.strerror or error)  # fmt: skip
    sys.stderr.write(f"weilink: {said}\n")
    return 1
