"""Who may use the panel: whoever has the login link, on every address, loopback too.

The secret is in the fragment of the link, which browsers send to nobody; the page exchanges it
for the token of a session. The token is not a cookie: a request that another page forges brings
nothing along, and neither does one to another port of this computer.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from weilink.errors import WeiLinkError
from weilink.store.files import private_folder, write_private

SECRET_FILE = "admin.secret"  # noqa: S105  (a file's name)
LIFE = 12 * 3600.0
"""Seconds that a session lives after its last request."""
MOST = 50


def secret(base_path: Path) -> str:
    """Return the panel's secret, made when there is none yet. Removing the file changes it.

    Raises:
        WeiLinkError: it cannot be read or written.
    """
    path = base_path / "run" / SECRET_FILE
    try:
        private_folder(path.parent)
        if path.is_file():
            found = path.read_text("ascii").strip()
            if len(found) >= 32:
                return found
        write_private(path, secrets.token_urlsafe(32))
        return path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise WeiLinkError(f"the admin panel's secret in {path} cannot be had ({error})") from None


def link(base_path: Path, url: str) -> str:
    """Return the login link of a panel at `url`. Whoever has it can use the panel.

    Raises:
        WeiLinkError: the secret cannot be had.
    """
    return f"{url}/#key={secret(base_path)}"


class Sessions:
    """The sessions of one process."""

    def __init__(self, base_path: Path) -> None:
        self._base_path = base_path
        self._ends: dict[str, float] = {}

    def open(self, given: str) -> str | None:
        """Return the token of a new session, `None` when `given` is not the secret."""
        # JSON can hold half a surrogate pair, which UTF-8 cannot.
        typed = given.encode("utf-8", "replace")
        if not secrets.compare_digest(typed, secret(self._base_path).encode()):
            return None
        token = secrets.token_urlsafe(32)
        self._ends[token] = time.monotonic() + LIFE
        while len(self._ends) > MOST:
            self._ends.pop(min(self._ends, key=lambda one: self._ends[one]))
        return token

    def knows(self, authorization: str) -> bool:
        """Return whether an `Authorization` header is that of a live session."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return False
        # A look-up by hash, not a comparison from the left: its time tells nothing.
        if self._ends.get(token, 0.0) < time.monotonic():
            self._ends.pop(token, None)
            return False
        self._ends[token] = time.monotonic() + LIFE
        return True

    def close(self, authorization: str) -> None:
        """End a session."""
        self._ends.pop(authorization.partition(" ")[2], None)
