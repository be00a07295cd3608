"""SILK, which phones speak and browsers do not: converted where `silk-python` is installed."""

from __future__ import annotations

import io
import wave

import anyio.to_thread

RATE = 24_000  # as in the phone's voice items
_MARKS = (b"\x02#!SILK_V3", b"#!SILK_V3")


def can_convert() -> bool:
    """Return whether the library is installed."""
    try:
        import pysilk  # noqa: F401
    except ImportError:
        return False
    return True


def is_silk(data: bytes) -> bool:
    """Return whether `data` is a voice as phones send it."""
    return data.startswith(_MARKS)


async def wav_of(silk: bytes) -> bytes:
    """Return a SILK voice as a WAV file.

    Raises:
        ValueError: it cannot be decoded.
    """

    def convert() -> bytes:
        import pysilk

        pcm, out = io.BytesIO(), io.BytesIO()
        try:
            pysilk.decode(io.BytesIO(silk), pcm, RATE)
        except Exception as error:  # noqa: BLE001  (the library raises its own kinds)
            raise ValueError(f"the voice cannot be decoded: {error}") from None
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(pcm.getvalue())
        return out.getvalue()

    return await anyio.to_thread.run_sync(convert)


async def silk_of(wav: bytes) -> bytes:
    """Return a WAV file of one channel and 16 bits as a SILK voice.

    Raises:
        ValueError: it is no such file, or the library is not installed.
    """

    def convert() -> bytes:
        import pysilk

        with wave.open(io.BytesIO(wav)) as file:
            if file.getnchannels() != 1 or file.getsampwidth() != 2:
                raise ValueError("the recording is not of one channel with 16 bits")
            rate, pcm = file.getframerate(), file.readframes(file.getnframes())
        out = io.BytesIO()
        pysilk.encode(io.BytesIO(pcm), out, rate, 25_000)
        return out.getvalue()

    if not can_convert():
        raise ValueError("silk-python is not installed beside the sandbox")
    try:
        return await anyio.to_thread.run_sync(convert)
    except (wave.Error, EOFError):
        raise ValueError("the recording is no WAV file") from None
