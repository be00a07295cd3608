"""Bringing the file of a part to the media service, before the part itself goes out."""

from __future__ import annotations

import secrets
from typing import Any

import anyio.to_thread

from weilink.ilink.cdn import Cdn
from weilink.ilink.cipher import ciphertext_size
from weilink.ilink.client import ILinkClient
from weilink.ilink.items import with_media
from weilink.ilink.models import MediaType, UploadRequest
from weilink.service.spool import Progress, Spool
from weilink.store import Store
from weilink.store.clock import now_ms
from weilink.store.models import Part

FRESH_MS = 30 * 60 * 1000
"""How long an upload is taken to be good when its message could not follow at once."""


class LostFileError(Exception):
    """The spooled file of a part is gone."""


class Uploader:
    """Uploads the files of parts."""

    def __init__(self, store: Store, spool: Spool, cdn: Cdn) -> None:
        self._store = store
        self._spool = spool
        self._cdn = cdn

    async def item(self, client: ILinkClient, part: Part, progress: Progress) -> dict[str, Any]:
        """Return the wire item of `part`, its file uploaded if it has one.

        Raises:
            ILinkError: the upload failed.
            LostFileError: the file is not in the spool any more.
        """
        upload = part.upload
        if upload is None or 0 <= now_ms() - part.uploaded_at < FRESH_MS:
            return part.item
        if not await anyio.to_thread.run_sync(self._spool.holds, part.client_id, upload):
            raise LostFileError
        request = UploadRequest(
            to_user_id=part.user_id,
            media_type=MediaType(upload.media_type),
            filekey=secrets.token_hex(16),
            size=upload.size,
            md5=upload.md5,
            key=bytes.fromhex(upload.key),
        )
        answer = await client.get_upload_url(request)
        url = await self._cdn.upload_url(
            answer.upload_full_url, answer.upload_param, request.filekey
        )
        try:
            reference = await self._cdn.upload(
                url,
                ciphertext_size(upload.size),
                lambda: self._spool.pieces(part.client_id, progress),
            )
        except FileNotFoundError:
            raise LostFileError from None
        item = with_media(part.item, reference, request.key, upload.size)
        # A crash between here and the message does not upload again.
        await self._store.outbox.uploaded(part.row, item)
        return item
