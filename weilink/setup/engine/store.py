"""Our own files: the manifest, the backups, the journal and the lock of one folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.setup.engine import files, manifest

_LOCK_SECONDS = 30


class Store:
    """The folder in which the engine remembers what it did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal.json"
        self._manifest = folder / "manifest.json"
        self._backups = folder / "backups"
        self._lock = folder / "lock"
        # Open files that keep the lock held, for programs that work for us: one that outlives a
        # killed run may still write, and the next run has to wait for it.
        self.held: tuple[int, ...] = ()

    def load(self) -> manifest.Manifest:
        """Return the manifest."""
        return manifest.load(self._manifest)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out. Nothing is left of the folder when nothing is installed after it.

        Raises:
            WeiLinkError: another run is still busy.
        """
        made: list[Path] = []
        lock = FileLock(self._lock, timeout=_LOCK_SECONDS, mode=0o600)
        while True:
            made += files.make_folders(self.folder)
            try:
                lock.acquire()
                break
            except FileNotFoundError:
                continue  # a run that took everything out has removed the folder meanwhile
            except Timeout:
                raise WeiLinkError(
                    t("Another setup is running; wait until it has ended ({path})", path=self._lock)
                ) from None
        descriptor = lock._context.lock_file_fd
        if os.name == "posix" and descriptor is not None:
            self.held = (descriptor,)
        try:
            # Of two runs at once, the one that makes a folder need not be the one that installs.
            for folder in dict.fromkeys(made):
                folder.chmod(0o700)
                name = files.digest(str(folder).encode("utf-8", "surrogatepass"))[:12]
                files.write_private(self.folder / f"made-{name}", str(folder).encode())
            yield
        finally:
            if os.name == "posix":
                self._tidy()
            self.held = ()
            lock.release()
            if os.name != "posix":
                self._tidy()  # an open file cannot be removed there

    def backup(self, name: str) -> bytes:
        """Return a content that was saved.

        Raises:
            WeiLinkError: it is gone or was changed.
        """
        path = self._backups / name
        try:
            data = path.read_bytes()
        except OSError:
            data = b""
        if files.digest(data) != name:
            raise WeiLinkError(t("The backup {path} is gone or damaged", path=path))
        return data

    def save(self, data: bytes) -> None:
        """Keep a content for undo."""
        path = self._backups / files.digest(data)
        if not path.exists():
            files.make_folders(self._backups)
            files.write_private(path, data)

    def write(self, content: manifest.Manifest) -> None:
        """Put a new manifest in the place of the old, and drop backups that it does not need."""
        if content.installs:
            files.write_private(self._manifest, manifest.dump(content))
        else:
            files.remove(self._manifest)
        self.prune(content)

    def prune(self, content: manifest.Manifest) -> None:
        """Remove backups that `content` does not name, and what a killed run was writing."""
        for path in self.folder.glob("*.new"):
            files.remove(path)
        if self._backups.is_dir():
            for path in self._backups.iterdir():
                if path.name not in content.backups:
                    files.remove(path)
            if not content.backups:
                shutil.rmtree(self._backups, ignore_errors=True)

    def _tidy(self) -> None:
        if self._manifest.exists() or self.journal.exists():
            return
        markers = list(self.folder.glob("made-*"))
        folders = [Path(marker.read_bytes().decode("utf-8")) for marker in markers]
        # Another run that waits for the lock finds its file gone, and makes it again.
        for path in (*markers, self._lock):
            files.remove(path)
        for folder in sorted({self.folder, *folders}, key=lambda path: -len(path.parts)):
            with suppress(OSError):
                folder.rmdir()
