"""The phone's side of media encryption: AES-128-ECB with PKCS#7 [ilink.md, Media]."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from weilink.sandbox.content import Content

_HEX_KEY = re.compile(rb"[0-9a-fA-F]{32}")
# Item type -> the key of the item's own part.
PARTS = {2: "image_item", 3: "voice_item", 4: "file_item", 5: "video_item"}


def part_of(item: dict[str, Any], default: str = "") -> dict[str, Any]:
    """Return the part of an item that belongs to its type; empty when it is not there."""
    kind = item.get("type")
    part = item.get(PARTS.get(kind, default) if isinstance(kind, int) else default)
    return part if isinstance(part, dict) else {}


def carrier_of(item: dict[str, Any]) -> dict[str, Any]:
    """Return the `media` of an item's part; empty when it is not there."""
    carrier = part_of(item).get("media")
    return carrier if isinstance(carrier, dict) else {}


def padded_size(size: int) -> int:
    """Return the size of the ciphertext of `size` plain bytes."""
    return size // 16 * 16 + 16


def encrypt(plain: bytes, key: bytes) -> bytes:
    """Encrypt a whole file."""
    # Imported on use: it is the slowest import of the sandbox, and most runs move no media.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    fill = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()


def decrypt(data: bytes, key: bytes) -> bytes:
    """Decrypt a whole file.

    Raises:
        ValueError: the data is not whole blocks or the padding is wrong, as with another key.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if not data or len(data) % 16:
        raise ValueError(f"{len(data)} bytes are not whole AES blocks")
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305
    plain = decryptor.update(data) + decryptor.finalize()
    fill = plain[-1]
    if not 1 <= fill <= 16 or plain[-fill:] != bytes([fill]) * fill:
        raise ValueError("the padding is wrong: another key, or damaged data")
    return plain[:-fill]


def key_of(item: dict[str, Any]) -> bytes | None:
    """Return the key of a media item in any of its three forms, or `None` when it has none.

    Raises:
        ValueError: there is a key, but it is in none of the forms.
    """
    if direct := part_of(item).get("aeskey"):
        return binascii.unhexlify(direct)
    encoded = carrier_of(item).get("aes_key")
    if not encoded:
        return None
    raw = base64.b64decode(encoded, validate=True)
    if _HEX_KEY.fullmatch(raw):
        return binascii.unhexlify(raw)
    if len(raw) == 16:
        return raw
    raise ValueError(f"a key of {len(raw)} bytes is in no known form")


def content(item: dict[str, Any], stored: Callable[[str], Content]) -> bytes:
    """Return the plain bytes of a media item; `stored` gives the file of a reference.

    Raises:
        ValueError: the item holds no media, or its key is not the file's.
    """
    reference = carrier_of(item).get("encrypt_query_param")
    if not isinstance(reference, str):
        raise ValueError("this message holds no media")
    key = key_of(item)
    data = stored(reference).whole()
    return data if key is None else decrypt(data, key)
