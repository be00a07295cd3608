"""Which files may leave this computer.

An agent that reads text from outside can be talked into sending any file it can read. Whatever
it is asked: never one of WeiLink's own, which hold bot tokens and everybody's messages, and
never the credentials of an agent or of other programs of the user, nor what only looks like a file
and is the memory of a program. A list of allowed folders narrows it further.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from weilink.errors import UsageError
from weilink.service.secretfiles import secret_places

Identity = tuple[int, int]
"""Device and number of a file or folder: the same under whatever name, also on a file system that
does not tell capital letters from small ones."""

_VIEWS = ("/proc", "/sys")
"""What looks like files there is the memory and environment of programs, agents among them."""


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
        try:
            real = path.expanduser().resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            where = (
                ""
                if path.is_absolute() or str(path).startswith("~")
                else f", looked for in {Path.cwd()}"
            )
            raise UsageError(
                f"'{path}' cannot be read ({reason}{where}); give an absolute path that exists"
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
        chain = {_identity(place) for place in (real, *real.parents)} - {None}
        if _identity(self._base_path) in chain:
            raise UsageError(f"'{path}' is one of WeiLink's own files and is never sent")
        if any(_identity(secret) in chain for secret in secret_places()):
            raise UsageError(f"'{path}' holds credentials and is never sent")
        if self._folders and not any(
            _identity(folder.expanduser()) in chain for folder in self._folders
        ):
            allowed = ", ".join(str(folder) for folder in self._folders)
            raise UsageError(
                f"'{path}' may not be sent; the settings allow only files in {allowed}"
            )

    def _check_file(self, path: Path, real: Path, found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode):
            raise UsageError(f"'{path}' is a folder; pack it, or give the path of one file in it")
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"'{path}' is no regular file")
        if any(os.path.ismount(view) and found.st_dev == Path(view).stat().st_dev
               for view in _VIEWS):  # fmt: skip
            raise UsageError(
                f"'{path}' is no file but a view into the system or a program, and is never sent"
            )
        if real.resolve() != real:
            raise UsageError(f"'{path}' was moved while it was opened; try again")
        # Another name of the same file: a hard link leads past every check of folders.
        if found.st_nlink > 1:
            this = (found.st_dev, found.st_ino)
            if this in _identities_in(self._base_path):
                raise UsageError(f"'{path}' is one of WeiLink's own files and is never sent")
            if any(this in _identities_in(place) for place in secret_places()):
                raise UsageError(f"'{path}' holds credentials and is never sent")


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _identities_in(folder: Path) -> Iterator[Identity]:
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = (Path(place) / name).lstat()
            except OSError:
                continue
            yield found.st_dev, found.st_ino
