"""The JSON of iLink as typed models. Fields that a newer service adds are kept, not dropped.

Field names are those of the wire (official client 2.4.9). Every field may be missing: what a
message must have to be useful is decided by who uses it, never by a parser that loses the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _id_text(value: Any) -> Any:
    """Ids are uint64, beyond what a double holds: text wherever they leave Python."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _lenient_int(value: Any) -> Any:
    return 0 if value is None or value == "" else value


def _lenient_text(value: Any) -> Any:
    return "" if value is None else value


def _lenient_list(value: Any) -> Any:
    return [] if value is None else value


def _text_if_it_is(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number_if_it_is(value: Any) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return int(number) if math.isfinite(number) else 0


Id = Annotated[str, BeforeValidator(_id_text), BeforeValidator(_lenient_text)]
Int = Annotated[int, BeforeValidator(_lenient_int)]
Text = Annotated[str, BeforeValidator(_lenient_text)]


class MessageType(IntEnum):
    """Who wrote a message."""

    USER = 1
    BOT = 2


class MessageState(IntEnum):
    """How far a message of a bot has got."""

    NEW = 0
    GENERATING = 1
    FINISHED = 2


class ItemType(IntEnum):
    """What an item of a message is."""

    TEXT = 1
    IMAGE = 2
    VOICE = 3
    FILE = 4
    VIDEO = 5
    TOOL_CALL_START = 11
    TOOL_CALL_RESULT = 12


class Wire(BaseModel):
    """Base of everything on the wire: unknown fields stay as they are."""

    model_config = ConfigDict(extra="allow")


class Media(Wire):
    """Where an encrypted file is on the CDN, and its key in one of three forms."""

    encrypt_query_param: Text = ""
    aes_key: Text = ""
    encrypt_type: Int = 0
    full_url: Text = ""


class TextItem(Wire):
    """`text_item`."""

    text: Text = ""


class ImageItem(Wire):
    """`image_item`. Its own hex `aeskey` wins over that of `media`."""

    media: Media | None = None
    thumb_media: Media | None = None
    aeskey: Text = ""
    url: Text = ""
    mid_size: Int = 0
    hd_size: Int = 0


class VoiceItem(Wire):
    """`voice_item`; `playtime` in milliseconds, `text` is the service's transcription."""

    media: Media | None = None
    encode_type: Int = 0
    sample_rate: Int = 0
    playtime: Int = 0
    text: Text = ""


class FileItem(Wire):
    """`file_item`; `len` is the plain size in bytes as a decimal string."""

    media: Media | None = None
    file_name: Text = ""
    md5: Text = ""
    len: Id = ""


class VideoItem(Wire):
    """`video_item`; `video_size` is that of the ciphertext in bytes."""

    media: Media | None = None
    thumb_media: Media | None = None
    video_size: Int = 0
    play_length: Int = 0
    video_md5: Text = ""


class RefMessage(Wire):
    """`ref_msg`: what the user quoted. Newer phones send the id alone; `title` is a summary.

    `partial_text` says which part was selected: from the `startindex`th `start` to the
    `endindex`th `end` (see `weilink.store.quotes`).
    """

    title: Text = ""
    message_item: Item | None = None
    svr_id: Id = ""
    partial_text: dict[str, Any] | None = None


class Item(Wire):
    """One item of `item_list`. `type` may be one that `ItemType` does not know."""

    type: Int = 0
    msg_id: Id = ""
    text_item: TextItem | None = None
    image_item: ImageItem | None = None
    voice_item: VoiceItem | None = None
    file_item: FileItem | None = None
    video_item: VideoItem | None = None
    ref_msg: RefMessage | None = None


class Message(Wire):
    """A message as `getupdates` delivers it."""

    seq: Int = 0
    message_id: Id = ""
    from_user_id: Text = ""
    to_user_id: Text = ""
    client_id: Id = ""
    create_time_ms: Int = 0
    session_id: Text = ""
    group_id: Text = ""
    message_type: Int = 0
    message_state: Int = 0
    item_list: Annotated[list[Item], BeforeValidator(_lenient_list)] = []
    context_token: Text = ""
    run_id: Text = ""


class QRCode(Wire):
    """Answer of `get_bot_qrcode`; `qrcode_img_content` is the URL to show as a QR code."""

    qrcode: Text = ""
    qrcode_img_content: Text = ""


class QRStatus(Wire):
    """Answer of `get_qrcode_status`."""

    status: Text = ""
    bot_token: Text = ""
    ilink_bot_id: Text = ""
    baseurl: Text = ""
    ilink_user_id: Text = ""
    redirect_host: Text = ""


class Updates(Wire):
    """Answer of `getupdates`. `msgs` stay unparsed: one bad message must not lose the others.

    Nor must the other fields: what they cannot be is taken for not there.
    """

    msgs: Annotated[list[Any], BeforeValidator(_lenient_list)] = []
    get_updates_buf: Annotated[str, BeforeValidator(_text_if_it_is)] = ""
    longpolling_timeout_ms: Annotated[int, BeforeValidator(_number_if_it_is)] = 0


class MediaType(IntEnum):
    """What `getuploadurl` calls a file; not the same numbers as `ItemType`."""

    IMAGE = 1
    VIDEO = 2
    FILE = 3
    VOICE = 4


@dataclass(frozen=True)
class UploadRequest:
    """What `getuploadurl` is told; `size` and `md5` are of the plain file, `key` is a secret."""

    to_user_id: str
    media_type: MediaType
    filekey: str
    size: int
    md5: str
    key: bytes = field(repr=False)


class UploadUrl(Wire):
    """Answer of `getuploadurl`: a whole URL, or a parameter for the configured CDN."""

    upload_full_url: Text = ""
    upload_param: Text = ""


class SendAnswer(Wire):
    """Answer of `sendmessage`."""

    message_id: Id = ""


RefMessage.model_rebuild()
