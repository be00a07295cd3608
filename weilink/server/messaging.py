"""The tools for messages: `recv`, `send`, `download`, `history`."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent
from pydantic import BeforeValidator, Field

from weilink.errors import UsageError
from weilink.server.delivery import CLIENT
from weilink.server.host import Host
from weilink.server.progress import Progress
from weilink.server.results import DownloadResult, HistoryResult, RecvResult, SendOut

if TYPE_CHECKING:
    from weilink.service import Service
    from weilink.store.models import StoredMessage

LONGEST_TEXT = 1_000_000
"""Characters of one `send`. More is not a message; as a file the person can at least open it."""
PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
LARGEST_PICTURE = 3_750_000
"""What models can look at: these kinds, 5 MB in base64."""
MOST_MESSAGES = 50
MOST_CHARACTERS = 40_000
"""What one result hands out. Claude Code 2.1 takes results of 25,000 tokens into its context and
puts longer ones into a file, where an agent may not look."""


def _as_text(value: Any) -> Any:
    """Ids and times are digits that models like to write as numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Short = Annotated[str, Field(max_length=256)]
Place = Annotated[str, Field(max_length=4096)]
Timeout = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False, description="seconds to wait")]
Time = Annotated[
    Short,
    BeforeValidator(_as_text),
    Field(description="ISO 8601, or milliseconds since 1970; empty: no limit"),
]
Kind = Annotated[Literal["", "TEXT", "IMAGE", "VOICE", "FILE", "VIDEO"], BeforeValidator(_upper)]


class Messaging:
    """The tools over the service of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._reader = f"mcp:{os.getpid()}"

    async def recv(self, ctx: Context[Any, Any], timeout: Timeout = 5.0) -> RecvResult:
        """Get new WeChat messages, oldest first. Waits up to `timeout` seconds for one to come.

        Each message is handed out once. Empty when there is nothing new; `problems` says when
        nothing can come.
        """
        service = await self._host.service()
        from weilink.server.showing import problems

        # Messages that are taken are on their way from then on: nothing may hold them up.
        before = await problems(service)
        result = await self._take(service, ctx, timeout)
        told = before if result.messages else await problems(service)
        return result.model_copy(update={"problems": told})

    async def send(
        self,
        ctx: Context[Any, Any],
        to: Annotated[Short, Field(description="the `from` of the message you answer")],
        text: Annotated[str, Field(description="Markdown is shown by WeChat in part")] = "",
        image_path: Annotated[Place, Field(description="a picture to send")] = "",
        file_path: Annotated[Place, Field(description="any file to send")] = "",
        file_name: Annotated[Short, Field(description="what to call the file of file_path")] = "",
        video_path: Annotated[Place, Field(description="a video to send")] = "",
        voice_path: Annotated[
            Place, Field(description="a voice message to send: SILK or WAV")
        ] = "",
    ) -> SendOut:
        """Send text and files to a WeChat user who wrote to this bot. Long text is split.

        Tells for each part whether it was sent, queued (and why) or failed. WeChat takes ten
        messages for each message of the user, so prefer one message to many. Messages that came
        in meanwhile are returned with the result.
        """
        if len(text) > LONGEST_TEXT:
            raise UsageError(
                f"nothing was sent: the text has {len(text):,} characters, a message at most "
                f"{LONGEST_TEXT:,}; write it to a file and send that with `file_path`"
            )
        if not to:
            raise UsageError(
                "nothing was sent: `to` is empty; give the `from` of the message you answer"
            )
        if file_name and not file_path:
            raise UsageError("nothing was sent: `file_name` goes with `file_path`")
        paths = (image_path, file_path, video_path, voice_path)
        if not text and not any(paths):
            raise UsageError(
                "there is nothing to send: give `text`, `image_path`, `file_path`, `video_path` or "
                "`voice_path`"
            )
        for path in paths:
            if "://" in path[:16]:
                raise UsageError(
                    f"nothing was sent: '{path}' is a URL; save it as a file and give its path"
                )
        service = await self._host.service()
        from weilink.server.showing import send_out
        from weilink.service.parts import (
            AnyPart,
            FilePart,
            ImagePart,
            TextPart,
            VideoPart,
            VoicePart,
        )
        from weilink.service.tasks import beside

        parts: list[AnyPart] = []
        if text:
            parts.append(TextPart(text))
        if image_path:
            parts.append(ImagePart(Path(image_path)))
        if file_path:
            parts.append(FilePart(Path(file_path), file_name))
        if video_path:
            parts.append(VideoPart(Path(video_path)))
        if voice_path:
            parts.append(VoicePart(Path(voice_path)))
        progress = Progress(ctx, "uploading")
        client = CLIENT.get()

        def keep() -> bool:
            # An agent that ended had its say; one that cancels the call takes it back.
            return client is not None and not client.there

        result = await beside(
            lambda: service.sender.send(to, parts, progress, keep), progress.report
        )
        new = await self._take(service, ctx, 0)
        return send_out(result, new.messages)

    async def download(
        self,
        ctx: Context[Any, Any],
        message_id: Annotated[
            Short,
            BeforeValidator(_as_text),
            Field(description="as `recv` and `history` give it; ID#2 is its second file"),
        ],
        save_dir: Annotated[
            Place, Field(description="an absolute path; empty: downloads/ under the base path")
        ] = "",
    ) -> Annotated[CallToolResult, DownloadResult]:
        """Save the picture, voice, file or video of a message. Nothing is overwritten.

        A picture is returned to look at as well.
        """
        folder = Path(save_dir) if save_dir else None
        if folder is not None and not folder.is_absolute() and not save_dir.startswith("~"):
            raise UsageError(
                f"nothing was saved: save_dir='{save_dir}' is no absolute path, and this server "
                "does not know your working directory"
            )
        service = await self._host.service()
        from weilink.service.tasks import beside

        progress = Progress(ctx, "downloading")
        saved = await beside(
            lambda: service.media.download(message_id, folder, progress), progress.report
        )
        result = DownloadResult(path=str(saved.path), size=saved.size, mime_type=saved.mime)
        content: list[ContentBlock] = [TextContent(type="text", text=result.model_dump_json())]
        if saved.mime in PICTURES and saved.size <= LARGEST_PICTURE:
            data = base64.b64encode(await anyio.Path(saved.path).read_bytes()).decode()
            content.append(ImageContent(type="image", data=data, mime_type=saved.mime))
        return CallToolResult(content=content, structured_content=result.model_dump(mode="json"))

    async def history(
        self,
        user_id: Short = "",
        bot_id: Short = "",
        msg_type: Kind = "",
        direction: Literal["", "received", "sent"] = "",
        since: Time = "",
        until: Time = "",
        text_contains: Annotated[Short, Field(description="case-insensitive")] = "",
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
        offset: Annotated[int, Field(ge=0)] = 0,
    ) -> HistoryResult:
        """Search the messages of all conversations, received and sent, newest first."""
        service = await self._host.service()
        from weilink.server.showing import message_out
        from weilink.service.times import moment
        from weilink.store.history import Query
        from weilink.store.models import Direction

        page = await service.store.history.find(
            Query(
                user_id=user_id,
                bot_id=bot_id,
                msg_type=msg_type,
                direction=Direction(direction) if direction else None,
                since=moment("since", since),
                until=moment("until", until),
                text_contains=text_contains,
                limit=limit,
                offset=offset,
            )
        )
        messages = [message_out(message) for message in page.messages]
        return HistoryResult(messages=messages, total=page.total, limit=limit, offset=offset)

    async def _take(self, service: Service, ctx: Context[Any, Any], timeout: float) -> RecvResult:
        """Claim messages for the result of this call."""
        client = CLIENT.get()
        if client is None:
            claim = await service.claims.receive(self._reader, timeout, _fit)
        else:
            with client.while_there():
                claim = await service.claims.receive(self._reader, timeout, _fit)
        if claim is None:
            return RecvResult(messages=[], waiting=0)
        if client is None:
            # Called from within this process, which has the result as soon as it is returned.
            await service.claims.acknowledge(claim.id)
        else:
            await client.add(ctx.request_id, service.claims, claim.id)
        from weilink.server.showing import message_out

        messages = [message_out(message) for message in claim.messages]
        return RecvResult(messages=messages, waiting=claim.waiting)


def _fit(messages: Sequence[StoredMessage], waiting: int) -> int:
    """Return how many of the oldest messages go into one result. At least one."""
    room = MOST_CHARACTERS
    for count, message in enumerate(messages[:MOST_MESSAGES]):
        quoted = len(message.quote.text) + len(message.quote.part) if message.quote else 0
        room -= len(message.text) + quoted + 200
        if room < 0:
            return max(count, 1)
    return min(len(messages), MOST_MESSAGES)
