"""What can be sent in one call, and how it is made ready for the outbox."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weilink.errors import UsageError
from weilink.ilink.models import ItemType, MediaType
from weilink.service import voices
from weilink.service.filetypes import mime_of
from weilink.service.names import safe_name
from weilink.service.sendable import Sendable
from weilink.service.spool import Spool, TooLargeError
from weilink.store.models import NewPart, Upload

TEXT_FILE = "message.md"
"""What a text is called that goes as a file."""


@dataclass(frozen=True)
class TextPart:
    """A text. It is split when it is long, or goes as a file when replies are short."""

    text: str


@dataclass(frozen=True)
class ImagePart:
    """A picture."""

    path: Path


@dataclass(frozen=True)
class FilePart:
    """Any file; `name` is what the receiver sees, by default the name it has."""

    path: Path
    name: str = ""


@dataclass(frozen=True)
class VideoPart:
    """A video."""

    path: Path


@dataclass(frozen=True)
class VoicePart:
    """A voice message: SILK, or WAV where the `silk-python` library is installed."""

    path: Path


AnyPart = TextPart | ImagePart | FilePart | VideoPart | VoicePart


def text_item(text: str) -> dict[str, Any]:
    """Return the wire item of a text."""
    return {"type": int(ItemType.TEXT), "text_item": {"text": text}}


class Preparer:
    """Takes files into the spool. Blocks: call it in a thread."""

    def __init__(self, sendable: Sendable, spool: Spool, limit: int) -> None:
        self._sendable = sendable
        self._spool = spool
        self._limit = limit

    def files(self, parts: Sequence[AnyPart]) -> list[NewPart]:
        """Take every file of `parts`, all or none; texts are left out.

        Raises:
            UsageError: a file is not there, may not be sent, is too large or of another kind.
        """
        taken: list[NewPart] = []
        try:
            for part in parts:
                if not isinstance(part, TextPart):
                    taken.append(self._file(part))
        except BaseException:
            for done in taken:
                self._spool.drop(done.client_id)
            raise
        return taken

    def text_file(self, text: str) -> NewPart:
        """Return a long text as one Markdown file."""
        with tempfile.TemporaryFile() as file:
            file.write(text.encode("utf-8", "replace"))
            file.seek(0)
            return self._take(
                file.fileno(),
                lambda upload: _file_item(TEXT_FILE, upload),
                f"[file: {TEXT_FILE}]\n{text}",
                "FILE",
                MediaType.FILE,
            )

    def _file(self, part: ImagePart | FilePart | VideoPart | VoicePart) -> NewPart:
        descriptor, real = self._sendable.open(part.path)
        try:
            size = os.fstat(descriptor).st_size
            if size > self._limit:
                raise UsageError(
                    f"'{part.path}' has {size / 2**20:.1f} MiB; the limit is "
                    f"{self._limit / 2**20:.0f} MiB (setting media_limit_mib)"
                )
            head = os.read(descriptor, 8192)
            os.lseek(descriptor, 0, os.SEEK_SET)
            mime = mime_of(head, real.name)
            if isinstance(part, ImagePart):
                _must_be("picture", "image/", mime, part.path)
                return self._take(
                    descriptor, _image_item, f"[picture: {real.name}]", "IMAGE", MediaType.IMAGE
                )
            if isinstance(part, VideoPart):
                _must_be("video", "video/", mime, part.path)
                return self._take(
                    descriptor, _video_item, f"[video: {real.name}]", "VIDEO", MediaType.VIDEO
                )
            if isinstance(part, VoicePart):
                return self._voice(descriptor, real, mime, part.path)
            name = safe_name(part.name or real.name, "file")
            return self._take(
                descriptor,
                lambda upload: _file_item(name, upload),
                f"[file: {name}]",
                "FILE",
                MediaType.FILE,
            )
        finally:
            os.close(descriptor)

    def _voice(self, descriptor: int, real: Path, mime: str, given: Path) -> NewPart:
        silk, converted = descriptor, None
        try:
            if mime == "audio/wav":
                converted = voices.silk_of(descriptor, given)
                silk = converted.fileno()
            elif mime != "audio/silk":
                raise UsageError(
                    f"'{given}' is {mime}; a voice message must be SILK or WAV, everything else "
                    "goes as a file"
                )
            playtime = voices.playtime_ms(silk)
            os.lseek(silk, 0, os.SEEK_SET)
            return self._take(
                silk,
                lambda upload: _voice_item(playtime),
                f"[voice message: {real.name}]",
                "VOICE",
                MediaType.VOICE,
            )
        finally:
            if converted is not None:
                converted.close()

    def _take(
        self,
        descriptor: int,
        item: Callable[[Upload], dict[str, Any]],
        text: str,
        msg_type: str,
        media_type: MediaType,
    ) -> NewPart:
        client_id = secrets.token_hex(16)
        try:
            upload = self._spool.take(descriptor, client_id, int(media_type), self._limit)
        except TooLargeError:
            raise UsageError(
                f"{text.splitlines()[0]} has more than {self._limit / 2**20:.0f} MiB, which is the "
                "limit (setting media_limit_mib)"
            ) from None
        return NewPart(client_id, item(upload), text, msg_type, upload)


def _must_be(what: str, prefix: str, mime: str, path: Path) -> None:
    if not mime.startswith(prefix):
        raise UsageError(f"'{path}' is no {what} (its content is {mime}); send it as a file")


def _image_item(upload: Upload) -> dict[str, Any]:
    return {"type": int(ItemType.IMAGE), "image_item": {}}


def _video_item(upload: Upload) -> dict[str, Any]:
    return {"type": int(ItemType.VIDEO), "video_item": {}}


def _voice_item(playtime: int) -> dict[str, Any]:
    return {
        "type": int(ItemType.VOICE),
        "voice_item": {"encode_type": 6, "sample_rate": 24000, "playtime": playtime},
    }


def _file_item(name: str, upload: Upload) -> dict[str, Any]:
    return {
        "type": int(ItemType.FILE),
        "file_item": {"file_name": name, "len": str(upload.size), "md5": upload.md5},
    }
