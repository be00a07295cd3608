"""Fetching the files that people sent."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from weilink.errors import UsageError, WeiLinkError
from weilink.ilink.cdn import PAUSE, TRIES, Cdn, MediaError
from weilink.ilink.cipher import BLOCK, Decryptor, KeyFormError, PaddingError
from weilink.ilink.items import MediaItem, media_items
from weilink.ilink.models import ItemType
from weilink.service import voices
from weilink.service.filetypes import mime_type, suffix_for
from weilink.service.names import numbered, safe_name, split_suffix
from weilink.service.pieces import PIECE, write_whole
from weilink.service.reading import parsed
from weilink.service.spool import Progress
from weilink.store import Store
from weilink.store.files import private_folder
from weilink.store.models import StoredMessage

_MOST_NAMESAKES = 10_000
_PART = (".weilink-", ".part")
_KEEP_SECONDS = 24 * 3600.0
AGAIN = "ask for it to be sent again"
_WORDS = {
    ItemType.IMAGE: "picture",
    ItemType.VOICE: "voice",
    ItemType.FILE: "file",
    ItemType.VIDEO: "video",
}


@dataclass(frozen=True)
class Downloaded:
    """A file that was saved. `size` is in bytes; `mime` is found from the content."""

    path: Path
    size: int
    mime: str


def files_of(message: StoredMessage) -> list[MediaItem]:
    """Return the files of a message, those of what it quotes last."""
    return media_items(parsed(message.raw)[0].item_list)


class MediaFiles:
    """Downloads, within the size limit `limit` (bytes)."""

    def __init__(self, store: Store, cdn: Cdn, limit: int) -> None:
        self._store = store
        self._cdn = cdn
        self._limit = limit
        self.default_folder = store.base_path / "downloads"

    async def download(
        self, message_id: str, folder: Path | None = None, progress: Progress | None = None
    ) -> Downloaded:
        """Save the file of a message in `folder` (`downloads/` under the base path).

        "ID#2" is the second file of the message ID. Nothing is overwritten: a namesake gets a
        number. A voice is saved as WAV when the library for it is installed, else as SILK.

        Raises:
            UsageError: there is no such message, it holds no file, or the folder is no place.
            WeiLinkError: the file cannot be had, is damaged, or over the limit.
        """
        bare, number = _numbered_id(message_id)
        message = await self._store.history.get(bare)
        if message is None:
            raise UsageError(f"there is no message '{message_id}'; 'history' lists messages")
        files = files_of(message)
        if not files:
            raise UsageError(f"message '{bare}' holds no file, it is {_what(message)}")
        if number > len(files):
            raise UsageError(f"message '{bare}' has no file {number}, only {len(files)}")
        target = await anyio.to_thread.run_sync(self._folder, folder)
        return await self._save(files[number - 1], bare, number, target, progress)

    def _folder(self, folder: Path | None) -> Path:
        if folder is None:
            try:
                return private_folder(self.default_folder)
            except OSError as error:
                raise _cannot_save(self.default_folder, error) from None
        try:
            # Before anything is made there, and again should a link have changed meanwhile.
            self._check_folder(folder, folder.expanduser().resolve())
            folder.expanduser().mkdir(parents=True, exist_ok=True)
            real = folder.expanduser().resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"'{folder}' is no folder to save in ({reason})") from None
        self._check_folder(folder, real)
        return real

    def _check_folder(self, folder: Path, real: Path) -> None:
        base = self._store.base_path.resolve()
        downloads = base / "downloads"
        inside = real == base or base in real.parents
        if inside and real != downloads and downloads not in real.parents:
            raise UsageError(f"'{folder}' is WeiLink's own; save in {downloads} or elsewhere")

    async def _save(
        self,
        file: MediaItem,
        message_id: str,
        number: int,
        folder: Path,
        progress: Progress | None,
    ) -> Downloaded:
        try:
            key = file.key()
        except KeyFormError as error:
            raise WeiLinkError(f"message '{message_id}': {error}; {AGAIN}") from None
        if key is None and file.kind is not ItemType.IMAGE:
            raise WeiLinkError(f"message '{message_id}': its file comes without a key; {AGAIN}")
        if file.size > self._limit:
            raise self._too_large(file.size)
        url = await self._cdn.download_url(file.media)
        handle, part = await anyio.to_thread.run_sync(_temporary, folder)
        try:
            with os.fdopen(handle, "wb", buffering=0) as target:
                for attempt in range(1, TRIES + 1):
                    try:
                        await self._fetch(url, target.fileno(), key, progress)
                        if key is None:
                            await anyio.to_thread.run_sync(_check_picture, part)
                        break
                    except MediaError as error:
                        if error.final or attempt == TRIES:
                            raise
                    except PaddingError:
                        # A wrong key stays wrong, but an answer can be wrong for once.
                        if attempt == TRIES:
                            raise
                    await anyio.sleep(PAUSE * attempt)
                    os.ftruncate(target.fileno(), 0)
                    os.lseek(target.fileno(), 0, os.SEEK_SET)
            wanted = file.file_name or f"{_WORDS[file.kind]}-{message_id}" + f"-{number}" * (
                number > 1
            )
            return await anyio.to_thread.run_sync(_settle, part, folder, file, wanted)
        except PaddingError as error:
            raise WeiLinkError(
                f"the file of message '{message_id}' is damaged: {error}; {AGAIN}"
            ) from None
        except OSError as error:
            raise _cannot_save(folder, error) from None
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.Path(part).unlink(missing_ok=True)

    async def _fetch(
        self, url: str, target: int, key: bytes | None, progress: Progress | None
    ) -> None:
        decryptor = Decryptor(key) if key else None
        most = self._limit + (BLOCK if key else 0)
        done = 0

        def store(piece: bytes) -> None:
            write_whole(target, decryptor.update(piece) if decryptor else piece)

        async with self._cdn.download(url) as (size, pieces):
            if size is not None and size > most:
                raise self._too_large(size)
            async for piece in _large(pieces):
                done += len(piece)
                if done > most:
                    raise self._too_large(done)
                await anyio.to_thread.run_sync(store, piece)
                if progress is not None:
                    progress(done, size or done)
        if decryptor:
            write_whole(target, decryptor.finish())

    def _too_large(self, size: int) -> MediaError:
        return MediaError(
            f"the file has at least {size / 2**20:.1f} MiB; the limit is "
            f"{self._limit / 2**20:.0f} MiB (setting media_limit_mib)",
            final=True,
            too_large=True,
        )


def _what(message: StoredMessage) -> str:
    """Return the type of a message, and what it quotes: its file has another id."""
    quoted = message.quote.message_id if message.quote else ""
    return f"{message.msg_type}; it quotes message '{quoted}'" if quoted else message.msg_type


def _temporary(folder: Path) -> tuple[int, Path]:
    _sweep(folder)
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=_PART[0], suffix=_PART[1])
    except OSError as error:
        raise _cannot_save(folder, error) from None
    return handle, Path(name)


def _sweep(folder: Path) -> None:
    """Remove what a killed process left behind, a day after."""
    with contextlib.suppress(OSError):
        for path in folder.glob("*".join(_PART)):
            if path.lstat().st_mtime < time.time() - _KEEP_SECONDS:
                path.unlink(missing_ok=True)


def _cannot_save(folder: Path, error: OSError) -> WeiLinkError:
    return WeiLinkError(
        f"cannot save in {folder} ({error.strerror or error}); make room or choose another folder"
    )


async def _large(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join what the network brings into pieces that are worth a change of thread."""
    held: list[bytes] = []
    size = 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _check_picture(part: Path) -> None:
    """Nothing but its beginning tells a picture without a key from an error that came as 200."""
    if mime_type(part).startswith("text/"):
        raise MediaError("download: what came instead of the picture is text", final=False)


def _numbered_id(message_id: str) -> tuple[str, int]:
    bare, mark, number = message_id.strip().rpartition("#")
    if mark and number.isdecimal() and 0 < int(number) < 100:
        return bare, int(number)
    return message_id.strip(), 1


def _settle(part: Path, folder: Path, file: MediaItem, wanted: str) -> Downloaded:
    """Give the finished file its name; converts a voice on the way."""
    mime = mime_type(part, file.file_name)
    if mime == "audio/silk" and file.kind is ItemType.VOICE and voices.can_convert():
        mime = _as_wav(part)
    name = safe_name(wanted, _WORDS[file.kind])
    if not split_suffix(name)[1]:
        name += suffix_for(mime)
    path = _placed(part, folder, name)
    return Downloaded(path, path.stat().st_size, mime)


def _as_wav(part: Path) -> str:
    # Beside the file: where it is saved there must be room anyway, elsewhere there may be none.
    with tempfile.TemporaryFile(dir=part.parent) as wav:
        try:
            voices.wav_of(part, wav)
        except ValueError:
            # Better the voice as it came than none.
            return "audio/silk"
        wav.seek(0)
        with part.open("wb") as target:
            while piece := wav.read(PIECE):
                target.write(piece)
    return "audio/wav"


def _placed(part: Path, folder: Path, name: str) -> Path:
    for number in range(1, _MOST_NAMESAKES):
        path = folder / numbered(name, number)
        try:
            # Fails when the name is taken, also by a link to nowhere, whoever is faster.
            os.link(part, path)
        except FileExistsError:
            continue
        except OSError:
            # A file system without hard links.
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                continue
            try:
                part.replace(path)
            except OSError:
                path.unlink(missing_ok=True)
                raise
        return path
    raise OSError(f"there are {_MOST_NAMESAKES} files called {name}")
