"""Media encryption: AES-128-ECB with PKCS#7, as a stream, so that memory does not grow.

The mode is the protocol's choice, not ours.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, modes

BLOCK = 16
_HEX_KEY = re.compile(rb"[0-9a-fA-F]{32}")


class KeyFormError(ValueError):
    """A key is in none of the three forms of the protocol."""


class PaddingError(ValueError):
    """The end of a ciphertext is not what this key makes of any file."""


def ciphertext_size(size: int) -> int:
    """Return the size of the ciphertext of `size` plain bytes."""
    return size // BLOCK * BLOCK + BLOCK


def parse_key(encoded: str, direct: str = "") -> bytes | None:
    """Return the key of a media item, `None` when it has none.

    Args:
        encoded: `media.aes_key`: base64 of the 16 bytes, or of their 32 hex characters.
        direct: `image_item.aeskey`: the 32 hex characters; it wins.

    Raises:
        KeyFormError: there is a key, but in none of these forms.
    """
    try:
        if direct:
            key = binascii.unhexlify(direct.strip())
        elif encoded:
            # The alphabet of URLs and missing padding cost nothing to understand.
            text = encoded.strip().replace("-", "+").replace("_", "/").rstrip("=")
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
            if _HEX_KEY.fullmatch(key):
                key = binascii.unhexlify(key)
        else:
            return None
    except ValueError:
        raise KeyFormError("the media key is neither hex nor base64") from None
    if len(key) != BLOCK:
        raise KeyFormError(f"the media key has {len(key)} bytes instead of {BLOCK}")
    return key


class Encryptor:
    """Encrypts a file piece by piece; `finish` returns the last block.

    What `update` returns is valid until the next call: one buffer serves all, since making a new
    one for each piece takes ten times as long as encrypting it.
    """

    def __init__(self, key: bytes) -> None:
        self._context = _cipher(key).encryptor()
        self._buffer = bytearray()
        self._size = 0

    def update(self, piece: bytes | memoryview) -> memoryview:
        """Return the ciphertext that is ready."""
        self._size += len(piece)
        if len(self._buffer) < len(piece) + BLOCK:
            self._buffer = bytearray(len(piece) + BLOCK)
        ready = self._context.update_into(piece, self._buffer)
        return memoryview(self._buffer)[:ready]

    def finish(self) -> bytes:
        """Return the rest, padding included."""
        fill = BLOCK - self._size % BLOCK
        return self._context.update(bytes([fill]) * fill) + self._context.finalize()


class Decryptor:
    """Decrypts a file piece by piece; `finish` checks and takes off the padding.

    What `update` returns is valid until the next call.
    """

    def __init__(self, key: bytes) -> None:
        self._context: CipherContext = _cipher(key).decryptor()
        self._buffer = bytearray()
        self._last = b""
        self._size = 0

    def update(self, piece: bytes) -> memoryview:
        """Return the plain bytes that are ready; the last block is held back for `finish`."""
        self._size += len(piece)
        if len(self._buffer) < len(piece) + 2 * BLOCK:
            self._buffer = bytearray(len(piece) + 2 * BLOCK)
        whole = memoryview(self._buffer)
        # The block held back stands in front of what follows it.
        start = BLOCK - len(self._last)
        whole[start:BLOCK] = self._last
        end = BLOCK + self._context.update_into(piece, whole[BLOCK:])
        border = max(end - BLOCK, start)
        self._last = bytes(whole[border:end])
        return whole[start:border]

    def finish(self) -> bytes:
        """Return the rest without its padding.

        Raises:
            PaddingError: the data is damaged, cut off, or encrypted with another key.
        """
        if self._size == 0 or self._size % BLOCK:
            raise PaddingError(f"{self._size} bytes are not whole blocks")
        plain = self._last + self._context.finalize()
        fill = plain[-1]
        if not 1 <= fill <= BLOCK or plain[-fill:] != bytes([fill]) * fill:
            raise PaddingError("the padding is wrong")
        return plain[:-fill]


def _cipher(key: bytes) -> Cipher[modes.ECB]:
    # Imported on use: most runs move no media.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  (the protocol's mode)
