"""QR codes in pictures of a camera: read where `zxing-cpp` is installed.

For browsers without `BarcodeDetector`, which are most of those for the desktop.
"""

from __future__ import annotations

import anyio.to_thread


def can_read() -> bool:
    """Return whether the library is installed."""
    try:
        import zxingcpp  # noqa: F401
    except ImportError:
        return False
    return True


async def text_in(grey: bytes, width: int) -> str:
    """Return the text of the QR code in a picture of one byte for each pixel, "" for none.

    Raises:
        ValueError: that is no such picture, or the library is not installed.
    """
    if not can_read():
        raise ValueError("zxing-cpp is not installed beside the sandbox")
    if width <= 0 or not grey or len(grey) % width:
        raise ValueError(f"{len(grey)} bytes are no picture of {width} pixels in a row")
    return await anyio.to_thread.run_sync(_read, grey, width)


def _read(grey: bytes, width: int) -> str:
    import zxingcpp

    picture = memoryview(grey).cast("B", (len(grey) // width, width))
    formats = zxingcpp.barcode_formats_from_str("QRCode")
    found = zxingcpp.read_barcodes(picture, formats)
    return str(found[0].text) if found else ""
