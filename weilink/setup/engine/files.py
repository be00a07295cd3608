"""Reading and replacing one file of somebody else, without surprises."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weilink.errors import ConfigFileError
from weilink.i18n import t
from weilink.setup.engine.document import DocumentError

BOM = b"\xef\xbb\xbf"
_WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def digest(data: bytes) -> str:
    """Return the name by which a content is known in the manifest."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """A file as it was read. `data` is `None` when it does not exist."""

    # The name that the user knows, and the file behind all symbolic links.
    path: Path
    target: Path
    data: bytes | None
    mode: int = 0o600
    owner: tuple[int, int] | None = None
    # How many names the file has.
    links: int = 1

    @property
    def text(self) -> str:
        """The content without a byte order mark.

        Raises:
            ConfigFileError: it is not UTF-8.
        """
        data = self.data or b""
        try:
            return data.removeprefix(BOM).decode("utf-8")
        except UnicodeDecodeError as error:
            before = data.removeprefix(BOM)[: error.start].decode("utf-8", "replace")
            place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
            raise invalid(self.path, DocumentError("the text is not UTF-8", *place)) from None

    def encode(self, text: str) -> bytes:
        """Return `text` as this file keeps it."""
        mark = BOM if self.data is not None and self.data.startswith(BOM) else b""
        return mark + text.encode("utf-8")


def invalid(path: Path, error: DocumentError) -> ConfigFileError:
    """Return the error for a document that cannot be edited."""
    return ConfigFileError(
        t(
            "{path}, line {line}, column {column}: {problem}; mend the file and run the command"
            " again (nothing was written)",
            path=path,
            line=error.line,
            column=error.column,
            problem=error,
        )
    )


def read(path: Path) -> Snapshot:
    """Read the file behind `path`, which need not exist.

    Raises:
        ConfigFileError: it is no ordinary file or cannot be read.
    """
    target = Path(os.path.realpath(path))
    try:
        status = target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Snapshot(path, target, None)
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISLNK(status.st_mode):
        raise ConfigFileError(
            t("{path}: the symbolic links go round in a circle; remove one", path=path)
        )
    if not stat.S_ISREG(status.st_mode):
        raise ConfigFileError(t("{path}: is no ordinary file; move it away", path=path))
    try:
        data = target.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    owner = (status.st_uid, status.st_gid) if os.name == "posix" else None
    return Snapshot(path, target, data, stat.S_IMODE(status.st_mode), owner, status.st_nlink)


def _unreadable(path: Path, error: OSError) -> ConfigFileError:
    return ConfigFileError(t("{path}: cannot be read ({error})", path=path, error=error.strerror))


def check_writable(snapshot: Snapshot) -> None:
    """Refuse a file or folder that its owner protects, also for the superuser.

    Raises:
        ConfigFileError: the file or its folder may not be written.
    """
    cure = t(
        "{path}: is read-only; allow writing it (chmod u+w) and run the command again"
        " (nothing was written)",
        path=snapshot.path,
    )
    if snapshot.data is not None and (
        not snapshot.mode & _WRITE_BITS or not os.access(snapshot.target, os.W_OK)
    ):
        raise ConfigFileError(cure)
    folder = snapshot.target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise ConfigFileError(t("{path}: is no folder; move it away", path=folder))
    # On Windows, the attribute of a folder has nothing to do with writing into it.
    protected = os.name == "posix" and not folder.stat().st_mode & _WRITE_BITS
    if protected or not os.access(folder, os.W_OK):
        raise ConfigFileError(
            t(
                "{path}: the folder is read-only, so {name} cannot be replaced; allow writing it"
                " (chmod u+w) and run the command again (nothing was written)",
                path=folder,
                name=snapshot.target.name,
            )
        )


def make_folders(folder: Path) -> list[Path]:
    """Create `folder` and what is missing above it, each 0700; return the created ones."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    created: list[Path] = []
    for path in reversed(missing):
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            created.append(path)
            path.chmod(0o700)
            sync_folder(path.parent)
    return created


def write_new(
    path: Path,
    data: bytes,
    mode: int,
    owner: tuple[int, int] | None = None,
    like: Path | None = None,
) -> None:
    """Write a file that is on the disk when this returns, with its mode from the start.

    `like` is the file that it is going to replace: access lists and other attributes are taken
    from there, as far as the system lets us.
    """
    # Never into a file or link that somebody put there; ours of an interrupted run goes first.
    with suppress(FileNotFoundError):
        path.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if owner is not None and os.name == "posix":
        status = path.stat()
        if (status.st_uid, status.st_gid) != owner:
            os.chown(path, *owner)
    path.chmod(mode)
    if like is not None:
        _copy_attributes(like, path)


def _copy_attributes(source: Path, target: Path) -> None:
    if sys.platform != "linux":
        return
    with suppress(OSError):
        for name in os.listxattr(source):
            with suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name))


def replace(temporary: Path, target: Path) -> None:
    """Put a written file in the place of another, in one step that survives a power cut.

    Raises:
        ConfigFileError: the system refuses; another run can do it.
    """
    try:
        temporary.replace(target)
    except OSError as error:
        # On Windows while another program has the file open.
        raise ConfigFileError(
            t(
                "{path}: could not be replaced ({error}); end the programs that use it and run the"
                " command again, which goes on from here",
                path=target,
                error=error.strerror,
            )
        ) from None
    sync_folder(target.parent)


def write_private(path: Path, data: bytes) -> None:
    """Write one of our own files (0600) in one step."""
    temporary = path.with_name(path.name + ".new")
    write_new(temporary, data, 0o600)
    replace(temporary, path)


def remove(path: Path) -> None:
    """Remove a file, for good when this returns."""
    with suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
