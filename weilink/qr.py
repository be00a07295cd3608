"""QR codes: as text for a terminal, as a picture for an agent."""

from __future__ import annotations

import io

import qrcode
from qrcode.image.pure import PyPNGImage


def qr_text(content: str) -> str:
    """Return `content` as a QR code of half-block characters, for a dark or light terminal."""
    code = qrcode.QRCode(border=2, error_correction=qrcode.constants.ERROR_CORRECT_L)
    code.add_data(content)
    out = io.StringIO()
    code.print_ascii(out=out, invert=True)
    return out.getvalue().rstrip("\n")


def qr_png(content: str) -> bytes:
    """Return `content` as a QR code in a PNG file."""
    code = qrcode.QRCode(box_size=8, error_correction=qrcode.constants.ERROR_CORRECT_L)
    code.add_data(content)
    out = io.BytesIO()
    code.make_image(image_factory=PyPNGImage).save(out)
    return out.getvalue()
