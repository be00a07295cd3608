"""Voice messages: SILK, and WAV where the optional library `silk-python` is installed."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
import wave
from pathlib import Path
from typing import IO

from weilink.errors import UsageError, WeiLinkError

SAMPLE_RATE = 24_000
_FRAME_MS = 20


def playtime_ms(descriptor: int) -> int:
    """Return the length of an open SILK file in milliseconds, from its frames of 20 ms."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        start = file.read(1)
        file.seek(10 if start == b"\x02" else 9)
        frames = 0
        while len(size := file.read(2)) == 2:
            (length,) = struct.unpack("<h", size)
            if length < 0:
                break
            file.seek(length, os.SEEK_CUR)
            frames += 1
    return frames * _FRAME_MS


def can_convert() -> bool:
    """Return whether the library that reads and writes SILK is installed."""
    try:
        import pysilk  # noqa: F401
    except ImportError:
        return False
    return True


def wav_of(silk: Path, target: IO[bytes]) -> None:
    """Write the SILK file `silk` as WAV. What lies between is written beside it.

    Raises:
        ValueError: it cannot be decoded, or the library is not installed.
        OSError: there is no room.
    """
    try:
        import pysilk
    except ImportError:
        raise ValueError("silk-python is not installed") from None
    with tempfile.TemporaryFile(dir=silk.parent) as pcm, silk.open("rb") as source:
        try:
            pysilk.decode(source, pcm, SAMPLE_RATE)
        except OSError:
            raise
        except Exception as error:
            raise ValueError(f"not decodable: {error}") from error
        pcm.seek(0)
        with wave.open(target, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(SAMPLE_RATE)
            while piece := pcm.read(1 << 16):
                out.writeframesraw(piece)


def silk_of(descriptor: int, wav: Path) -> IO[bytes]:
    """Return the open WAV file, called `wav`, as an open temporary SILK file.

    Raises:
        UsageError: it is no mono 16-bit WAV, or the library is not installed.
        WeiLinkError: there is no room.
    """
    try:
        import pysilk
    except ImportError:
        raise UsageError(
            f"'{wav}' is WAV, and a voice message must be SILK: install the Python package "
            "'silk-python' beside WeiLink to convert it, or send it as a file"
        ) from None
    try:
        with os.fdopen(os.dup(descriptor), "rb") as file, wave.open(file) as source:
            if source.getnchannels() != 1 or source.getsampwidth() != 2:
                raise UsageError(f"'{wav}': a voice message must be mono with 16 bits a sample")
            rate, pcm = source.getframerate(), source.readframes(source.getnframes())
    except (wave.Error, EOFError) as error:
        raise UsageError(f"'{wav}' is no readable WAV file ({error})") from None
    try:
        with contextlib.ExitStack() as stack:
            silk = stack.enter_context(tempfile.TemporaryFile())
            pysilk.encode(io.BytesIO(pcm), silk, rate, 25_000)
            silk.seek(0)
            stack.pop_all()
            return silk
    except OSError as error:
        raise WeiLinkError(
            f"'{wav}' cannot be converted to SILK: that takes room in the folder for temporary "
            f"files, TMPDIR ({error.strerror or error})"
        ) from None
