"""Which files may leave this computer.

An agent that reads text from outside can be talked into sending any file it can read. Whatever
it is asked: never one of WeiLink's own, which hold bot tokens and everybody's messages, and
never the credentials of an agent. A list of allowed folders narrows it further.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from weilink.errors import UsageError

# Below the home folder; the environment variables move the whole folder.
_HOMES = (("CLAUDE_CONFIG_DIR", ".claude"), ("CODEX_HOME", ".codex"))
_SECRET_NAMES = frozenset({".credentials.json", "auth.json", ".claude.json"})
_SECRET_FILES = (".claude.json", ".cursor/mcp.json", ".config/claude/claude_desktop_config.json")
_SECRET_FOLDERS = (".openclaw", ".ssh", ".gnupg")


class Sendable:
    """Opens files to be sent, and refuses those that must not leave."""

    def __init__(self, base_path: Path, folders: Sequence[Path] = ()) -> None:
        self._base_path = base_path
        self._folders = folders
        self._handed_over: set[Path] = set()

    @contextmanager
    def handed_over(self, path: Path) -> Iterator[None]:
        """Let this file be sent within the block, wherever it is.

        A person gave it to WeiLink to send: nobody talked an agent into it.
        """
        real = path.resolve()
        self._handed_over.add(real)
        try:
            yield
        finally:
            self._handed_over.discard(real)

    def open(self, path: Path) -> tuple[int, Path]:
        """Open a file to read it; return its descriptor, to be closed, and its real path.

        Raises:
            UsageError: there is no such file, or it may not be sent.
        """
        given = path.expanduser()
        try:
            real = given.resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"'{path}' cannot be read ({reason}); give a path that exists"
            ) from None
        if real not in self._handed_over:
            self._check_place(path, real)
        try:
            # Not blocking, should it be a pipe; not followed, should it be a link by now.
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(real, flags | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise UsageError(f"'{path}' cannot be read ({error.strerror})") from None
        try:
            self._check_file(path, real, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, real

    def _check_place(self, path: Path, real: Path) -> None:
        base = self._base_path.resolve()
        if _below(real, base):
            raise UsageError(f"'{path}' is one of WeiLink's own files and is never sent")
        if any(real == secret or _below(real, secret) for secret in _secrets()):
            raise UsageError(f"'{path}' holds credentials and is never sent")
        if self._folders and not any(
            _below(real, folder.expanduser().resolve()) for folder in self._folders
        ):
            allowed = ", ".join(str(folder) for folder in self._folders)
            raise UsageError(
                f"'{path}' may not be sent; the settings allow only files in {allowed}"
            )

    def _check_file(self, path: Path, real: Path, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"'{path}' is no regular file")
        if real.resolve() != real:
            raise UsageError(f"'{path}' was moved while it was opened; try again")
        # Another name of the same file: a hard link leads past every check of paths.
        if found.st_nlink > 1:
            for own in _own_files(self._base_path):
                if os.path.samestat(own, found):
                    raise UsageError(f"'{path}' is one of WeiLink's own files and is never sent")


def _below(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _secrets() -> Iterator[Path]:
    home = Path.home()
    for variable, default in _HOMES:
        for folder in {home / default, Path(os.environ.get(variable) or home / default)}:
            for name in _SECRET_NAMES:
                yield (folder / name).resolve()
    for name in (*_SECRET_FILES, *_SECRET_FOLDERS):
        yield (home / name).resolve()


def _own_files(base: Path) -> Iterator[os.stat_result]:
    for folder, _, names in os.walk(base):
        for name in names:
            try:
                yield (Path(folder) / name).lstat()
            except OSError:
                continue
