"""The media store: ciphertext in, ciphertext out [ilink.md, Media]."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

from weilink.sandbox import media
from weilink.sandbox.content import MEMORY, Content
from weilink.sandbox.journal import Journal


class CdnError(Exception):
    """The CDN says no: a status of 4xx and a text for `x-error-message`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class Upload:
    """What getuploadurl was told of a file that is to come."""

    param: str = field(repr=False)
    filekey: str
    size: int
    plain_size: int
    plain_md5: str
    key: bytes = field(repr=False)
    reference: str = ""


class Cdn:
    """Announced uploads, and the stored files by their download reference."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._uploads: dict[str, Upload] = {}
        self._files: dict[str, Content] = {}

    def announce(
        self, filekey: str, size: int, plain_size: int, plain_md5: str, key: bytes
    ) -> Upload:
        """Take the announcement of an upload and return it with its `upload_param`."""
        upload = Upload(secrets.token_urlsafe(32), filekey, size, plain_size, plain_md5, key)
        self._uploads[upload.param] = upload
        return upload

    def upload(self, param: str, filekey: str, data: Content) -> str:
        """Store ciphertext and return its download reference; a second try gets the same.

        Raises:
            CdnError: it was not announced, or not like this.
        """
        upload = self._uploads.get(param)
        if upload is None:
            raise CdnError(403, "unknown encrypted_query_param")
        if filekey != upload.filekey:
            raise CdnError(400, "filekey differs from the one of getuploadurl")
        if data.size != upload.size:
            raise CdnError(400, f"{data.size} bytes came, filesize was {upload.size}")
        self._check(upload, data)
        upload.reference = upload.reference or self.store(data)
        self._files[upload.reference] = data
        return upload.reference

    def _check(self, upload: Upload, data: Content) -> None:
        # What is on the disk is not compared: decrypting it would only slow down big tests.
        if data.size > MEMORY:
            return
        try:
            plain = media.decrypt(data.whole(), upload.key)
        except ValueError as error:
            self._journal.violation("/c2c/upload", f"not encrypted with aeskey: {error}")
            return
        if len(plain) != upload.plain_size:
            self._journal.violation("/c2c/upload", "rawsize is not the size of the plain file")
        if hashlib.md5(plain, usedforsecurity=False).hexdigest() != upload.plain_md5:
            self._journal.violation("/c2c/upload", "rawfilemd5 is not that of the plain file")

    def store(self, data: Content) -> str:
        """Store a file as it is and return its download reference."""
        # Characters that must be escaped in a URL, as the real references have them.
        reference = f"{secrets.token_urlsafe(24)}+/{secrets.token_hex(4)}=="
        self._files[reference] = data
        return reference

    def has(self, reference: str) -> bool:
        """Say whether a file is stored under this reference."""
        return reference in self._files

    def encrypted_with(self, reference: str, key: bytes | None) -> bool:
        """Say whether an uploaded file was announced with this key."""
        return any(u.reference == reference and u.key == key for u in self._uploads.values())

    def download(self, reference: str) -> Content:
        """Return the stored file.

        Raises:
            CdnError: nothing is stored under this reference.
        """
        if reference not in self._files:
            raise CdnError(404, "unknown encrypted_query_param")
        return self._files[reference]
