"""Bot sessions on disk: `<base path>/<session>/token.json`, the layout of existing users."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shlex
import time
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from weilink.errors import UsageError, WeiLinkError
from weilink.i18n import t
from weilink.store.files import private_folder, write_private

logger = logging.getLogger(__name__)

RESERVED = frozenset({"config.toml", "downloads", "hooks", "outbox", "run", "setup", "weilink.db"})
"""Names under the base path that are not those of bot sessions."""
# What every file system takes as a folder name, and a person can type in a shell.
_NAME = re.compile(r"(?!.*\.$)[^\W_][\w.-]{0,63}")
_LONGEST_BYTES = 240
# On Windows these are no folders, whatever follows the dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class BotSession:
    """A bot that this computer is logged in as. `token` is a secret.

    `created_at` is in seconds since 1970.
    """

    name: str
    bot_id: str
    user_id: str
    base_url: str
    token: str = field(repr=False)
    created_at: float


def can_name(name: str) -> bool:
    """Return whether a bot session can be called `name`."""
    fits = _NAME.fullmatch(name) and len(name.encode()) <= _LONGEST_BYTES
    return bool(fits) and name.lower() not in RESERVED and not _DEVICE.fullmatch(name)


def check_name(name: str) -> str:
    """Return `name` when it can name a bot session.

    Raises:
        UsageError: it cannot.
    """
    if not can_name(name):
        raise UsageError(
            t(
                "'{name}' cannot name a bot session: use letters, digits, '.', '-' and '_', "
                "at most 64, and none of {reserved}",
                name=shown(name),
                reserved=", ".join(sorted(RESERVED)),
            )
        )
    return name


def as_typed(name: str) -> str:
    """Return a name as it is typed in a shell; only what weilink 0.6 let pass needs quotes."""
    return name if can_name(name) else shlex.quote(name)


def shown(name: str) -> str:
    """Return a name as an error quotes it, however long what somebody typed is."""
    return name if len(name) <= 80 else name[:80] + "…"


def _folded(name: str) -> str:
    """Return the same for names that macOS or Windows takes for one folder."""
    return unicodedata.normalize("NFC", name.casefold())


class Credentials:
    """The `token.json` files of one base path."""

    def __init__(self, base_path: Path) -> None:
        self._base_path = base_path

    def load(self) -> list[BotSession]:
        """Return every bot session, the oldest login first.

        A file that is not valid is named in the log and left out: one broken session must not
        stop the others.
        """
        sessions = []
        for path in sorted(self._base_path.glob("*/token.json")):
            if path.parent.name in RESERVED:
                continue
            try:
                sessions.append(self._read(path))
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("%s is not valid and left out: %r", path, error)
        return sorted(sessions, key=lambda session: session.created_at)

    def names(self) -> set[str]:
        """Return the names of all sessions, also of those that `load` leaves out."""
        return {path.parent.name for path in self._base_path.glob("*/token.json")} - RESERVED

    @staticmethod
    def _read(path: Path) -> BotSession:
        raw = json.loads(path.read_text("utf-8"))
        if not isinstance(raw, dict):
            raise TypeError("not a JSON object")
        created = raw.get("created_at")
        return BotSession(
            name=path.parent.name,
            bot_id=str(raw["bot_id"]),
            user_id=str(raw.get("user_id") or ""),
            base_url=str(raw.get("base_url") or ""),
            token=str(raw["token"]),
            created_at=float(created) if created is not None else path.stat().st_mtime,
        )

    def save(self, session: BotSession) -> None:
        """Write the session's `token.json`."""
        if session.name not in self.names():
            self.check_new(session.name)
        values = {
            "bot_id": session.bot_id,
            "base_url": session.base_url,
            "token": session.token,
            "user_id": session.user_id,
            "created_at": session.created_at,
        }
        path = self._base_path / session.name / "token.json"
        try:
            private_folder(self._base_path)
            write_private(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise WeiLinkError(
                t("the login cannot be kept in {path} ({error}); check free space, owner and mode",
                  path=path, error=error.strerror or error)
            ) from error  # fmt: skip

    def check_new(self, name: str) -> str:
        """Return `name` when a session that is not there yet can have it.

        Raises:
            UsageError: it cannot.
        """
        place = self._base_path / check_name(name)
        if alike := self.alike(name):
            raise UsageError(
                t("'{name}' cannot name a bot session beside '{alike}': some computers take both "
                  "for the same; use '{alike}', or another name", name=name, alike=alike)
            )  # fmt: skip
        if place.exists() and not place.is_dir():
            raise UsageError(
                t("'{name}' cannot name a bot session: {path} is a file", name=name, path=place)
            )
        return name

    def alike(self, name: str) -> str:
        """Return the session that is called so, or would have the same folder on macOS or Windows.

        "" when there is none.
        """
        wanted = _folded(name)
        return next((one for one in sorted(self.names()) if _folded(one) == wanted), "")

    def is_free(self, name: str) -> bool:
        """Return whether nothing stands where a session called so would."""
        return not self.alike(name) and not (self._base_path / name).exists()

    def stamp(self) -> frozenset[tuple[str, int]]:
        """Return something that is another one when a session came, went or was changed."""
        found = set()
        for path in self._base_path.glob("*/token.json"):
            with contextlib.suppress(FileNotFoundError):
                found.add((path.parent.name, path.stat().st_mtime_ns))
        return frozenset(found)

    def remove(self, name: str) -> None:
        """Delete the session's `token.json`, and its folder when nothing else is in it."""
        folder = self._folder(name)
        (folder / "token.json").unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _folder(self, name: str) -> Path:
        """Return the folder of a session, also of one whose name weilink 0.6 let pass."""
        if all(session.name != name for session in self.load()):
            check_name(name)
        return self._base_path / name

    def rename(self, old: str, new: str) -> None:
        """Rename a session.

        Raises:
            WeiLinkError: there is no session `old`, or there is one called `new`.
        """
        source = self._folder(old)
        target = self._base_path / check_name(new)
        if not (source / "token.json").exists():
            raise WeiLinkError(f"there is no bot session '{old}'; 'weilink sessions' lists them")
        # Another spelling of its own name is its own folder, on some computers.
        there = target.exists() and not target.samefile(source)
        if there or new == old or self.alike(new) not in ("", old):
            raise WeiLinkError(f"'{new}' is taken; choose another name")
        source.rename(target)


def now_seconds() -> float:
    """Return the time of a new `created_at`."""
    return time.time()
