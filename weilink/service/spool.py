"""Files on their way out, as ciphertext, until iLink has accepted them.

What an agent sends is taken at once: the file may change or go before the message can leave,
and another process, or this one after a restart, must be able to send it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import queue
import secrets
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Callable, Collection
from pathlib import Path

import anyio
import anyio.to_thread

from weilink.errors import WeiLinkError
from weilink.ilink.cipher import Decryptor, Encryptor, PaddingError, ciphertext_size
from weilink.service.pieces import PIECE, STEP, write_whole
from weilink.store.files import private_folder
from weilink.store.models import Upload

_BUFFERS = 16
_KEEP_SECONDS = 24 * 3600.0

Progress = Callable[[int, int], None]
"""Called with the bytes done and those there are in all; also from another thread."""


class TooLargeError(Exception):
    """There is more to read than may be sent."""


class Spool:
    """The folder `outbox/` under the base path."""

    def __init__(self, base_path: Path) -> None:
        self.folder = base_path / "outbox"
        self._mine: set[str] = set()

    def path(self, client_id: str) -> Path:
        """Return where the ciphertext of a part is."""
        return self.folder / client_id

    def take(self, descriptor: int, client_id: str, media_type: int, limit: int) -> Upload:
        """Encrypt the open file into the spool, with a key of its own.

        Raises:
            TooLargeError: it has more bytes than `limit`, or grows beyond them while it is read.
            WeiLinkError: it cannot be read, or there is no room for it.
        """
        key = secrets.token_bytes(16)
        try:
            size, md5 = self._take(descriptor, client_id, key, limit)
        except OSError as error:
            raise WeiLinkError(
                "the file cannot be encrypted for sending: it has to be read, and there must be "
                f"room for it in {self.folder} ({error.strerror or error})"
            ) from None
        return Upload(media_type=media_type, size=size, md5=md5, key=key.hex())

    def _take(self, descriptor: int, client_id: str, key: bytes, limit: int) -> tuple[int, str]:
        private_folder(self.folder)
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".")
        try:
            with os.fdopen(handle, "wb", buffering=0) as target:
                size, md5 = _encrypt(descriptor, target.fileno(), key, limit)
            # Not synced to the disk, which takes longer than all the rest: after a power cut
            # `holds` finds out.
            Path(temporary).replace(self.path(client_id))
            self._mine.add(client_id)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return size, md5

    async def pieces(self, client_id: str, progress: Progress) -> AsyncGenerator[bytes, None]:
        """Give the ciphertext of a part, piece by piece.

        Raises:
            FileNotFoundError: somebody has given the part up.
        """
        # Not opened in a thread: a caller that is cancelled just then would leave it open.
        with self._opened(client_id) as raw:
            total, done = os.fstat(raw.fileno()).st_size, 0
            file = anyio.wrap_file(raw)
            while piece := await file.read(PIECE):
                yield piece
                done += len(piece)
                progress(done, total)

    def _opened(self, client_id: str) -> io.FileIO:
        return io.FileIO(self.path(client_id), "rb")

    def holds(self, client_id: str, upload: Upload) -> bool:
        """Return whether the ciphertext of a part is there, whole.

        What another process took, perhaps before a power cut, is decrypted and compared.
        """
        try:
            if self.path(client_id).stat().st_size != ciphertext_size(upload.size):
                return False
            return client_id in self._mine or self._verify(client_id, upload)
        except OSError:
            return False

    def _verify(self, client_id: str, upload: Upload) -> bool:
        decryptor = Decryptor(bytes.fromhex(upload.key))
        digest = hashlib.md5(usedforsecurity=False)
        with self.path(client_id).open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                digest.update(decryptor.update(piece))
        try:
            digest.update(decryptor.finish())
        except PaddingError:
            return False
        return digest.hexdigest() == upload.md5

    def drop(self, client_id: str) -> None:
        """The part is settled: forget its file."""
        self._mine.discard(client_id)
        self.path(client_id).unlink(missing_ok=True)

    def sweep(self, wanted: Collection[str]) -> None:
        """Remove what killed processes left behind, a day after; never one of `wanted`."""
        old = time.time() - _KEEP_SECONDS
        with contextlib.suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if path.name not in wanted and path.stat().st_mtime < old:
                    path.unlink(missing_ok=True)


def _encrypt(source: int, target: int, key: bytes, limit: int) -> tuple[int, str]:
    """Encrypt; return size and MD5 of the plain file. The digest runs beside, in a thread."""
    # A few buffers go round: new ones for every piece take longer than encrypting them.
    free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
    for _ in range(_BUFFERS):
        free.put(bytearray(STEP))
    todo: queue.SimpleQueue[tuple[bytearray, int]] = queue.SimpleQueue()
    digest = hashlib.md5(usedforsecurity=False)

    def digesting() -> None:
        while (work := todo.get())[1]:
            buffer, filled = work
            digest.update(memoryview(buffer)[:filled])
            free.put(buffer)

    beside = threading.Thread(target=digesting, name="md5", daemon=True)
    beside.start()
    encryptor, size = Encryptor(key), 0
    try:
        with os.fdopen(source, "rb", buffering=0, closefd=False) as file:
            while filled := file.readinto(buffer := free.get()):
                todo.put((buffer, filled))
                size += filled
                if size > limit:
                    raise TooLargeError
                write_whole(target, encryptor.update(memoryview(buffer)[:filled]))
    finally:
        todo.put((bytearray(), 0))
        beside.join()
    write_whole(target, encryptor.finish())
    return size, digest.hexdigest()
