"""The control API of the chat: writing, sending media, reading, tokens."""

from __future__ import annotations

import base64
import hashlib
import secrets
from urllib.parse import quote as escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weilink.sandbox import media
from weilink.sandbox.accounts import Bot, SandboxError
from weilink.sandbox.chat import KINDS, Entry
from weilink.sandbox.content import Content
from weilink.sandbox.control import Body, guarded, json_body, wait_seconds
from weilink.sandbox.ilink import reply
from weilink.sandbox.polling import while_connected
from weilink.sandbox.quotes import quote
from weilink.sandbox.records import ChatMessage
from weilink.sandbox.world import World

_TYPES = {name: number for number, name in KINDS.items()}
SILK = 6  # encode_type [ilink.md, Receiving]


class ChatControl:
    """Messages as the phone writes and reads them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Return the routes."""
        base = "/_sandbox/messages"
        return [
            Route(base, guarded(self._write), methods=["POST"]),
            Route(base, guarded(self._read), methods=["GET"]),
            Route(f"{base}/media", guarded(self._send_media), methods=["POST"]),
            Route(f"{base}/{{message_id}}/content", guarded(self._content), methods=["GET"]),
            Route("/_sandbox/tokens/expire", guarded(self._expire), methods=["POST"]),
        ]

    def _parties(self, user: str, bot: str) -> tuple[str, Bot]:
        user_id = self._world.accounts.user(user)
        return user_id, self._world.accounts.bot_for(user_id, bot)

    # -- the phone writes --------------------------------------------------------------------

    async def _write(self, request: Request) -> Response:
        """Write `messages`, each either `text` or raw `items`, with `quote` and `group_id`."""
        body = await json_body(request)
        user_id, bot = self._parties(body["user"], body.get("bot", ""))
        made = [self._items(one) for one in body["messages"]]
        entries = [
            self._world.chat.write(user_id, bot, items, str(one.get("group_id", "")))
            for one, items in zip(body["messages"], made, strict=True)
        ]
        self._world.changes.notify()
        return reply({"messages": [vars(entry.record()) for entry in entries]})

    def _items(self, message: Body) -> list[Body]:
        items: list[Body] = message.get("items") or [
            {"type": 1, "text_item": {"text": message["text"]}}
        ]
        if reference := message.get("quote"):
            quoted = self._entry(reference["message_id"])
            items[0]["ref_msg"] = quote(quoted.wire, reference["style"], reference.get("part", ""))
        return items

    def _entry(self, message_id: str) -> Entry:
        entry = self._world.chat.by_id(message_id)
        if entry is None:
            raise SandboxError(f"there is no message {message_id}")
        return entry

    async def _send_media(self, request: Request) -> Response:
        """Send the plain bytes of the body as a media message."""
        query, plain = request.query_params, await request.body()
        user_id, bot = self._parties(query["user"], query.get("bot", ""))
        item = self._media_item(query["kind"], plain, dict(query))
        entry = self._world.chat.write(user_id, bot, [item])
        self._world.changes.notify()
        return reply(vars(entry.record()))

    def _media_item(self, kind: str, plain: bytes, query: dict[str, str]) -> Body:
        form = query.get("key_form", "")
        number = _TYPES.get(kind, 0)
        if number not in media.PARTS:
            raise SandboxError(f"there is no media of the kind '{kind}'")
        if form not in ("", "hex", "base64_raw", "base64_hex", "none"):
            raise SandboxError(f"there is no key form '{form}'")
        if kind != "image" and form in ("hex", "none"):
            raise SandboxError(f"the key form '{form}' is of images only")
        key = secrets.token_bytes(16)
        data = plain if form == "none" else media.encrypt(plain, key)
        reference = self._world.cdn.store(Content(data))
        carried: Body = {"encrypt_query_param": reference, "encrypt_type": 1}
        if self._world.options.media_full_url:
            url = f"{self._world.cdn_base_url}/download?encrypted_query_param="
            carried["full_url"] = url + escape(reference, safe="")
        part: Body = {"media": carried}
        if form == "none":
            carried["encrypt_type"] = 0
        elif form == "base64_raw" or (kind == "image" and form == ""):
            carried["aes_key"] = base64.b64encode(key).decode()
        elif form in ("base64_hex", ""):
            carried["aes_key"] = base64.b64encode(key.hex().encode()).decode()
        if kind == "image":
            part["mid_size"] = len(data)
            if form in ("hex", ""):
                part["aeskey"] = key.hex()
        part |= self._details(kind, plain, len(data), query)
        return {"type": number, media.PARTS[number]: part}

    def _details(self, kind: str, plain: bytes, size: int, query: dict[str, str]) -> Body:
        md5 = hashlib.md5(plain, usedforsecurity=False).hexdigest()
        duration = int(query.get("duration_ms", "1000"))
        if kind == "file":
            return {"file_name": query.get("file_name", ""), "md5": md5, "len": str(len(plain))}
        if kind == "voice":
            text = {"text": query["text"]} if query.get("text") else {}
            return {"encode_type": SILK, "sample_rate": 24000, "playtime": duration, **text}
        if kind == "video":
            return {"video_size": size, "play_length": -(-duration // 1000), "video_md5": md5}
        return {}

    # -- the phone reads ---------------------------------------------------------------------

    async def _read(self, request: Request) -> Response:
        """Return the messages that match; hold until there are `count` of them."""
        query = request.query_params
        names = ("author", "kind", "text", "client_id")
        wanted = {name: query[name] for name in names if name in query}
        if query.get("user"):
            wanted["user_id"] = self._world.accounts.user(query["user"])
        if query.get("bot"):
            wanted["bot_id"] = query["bot"]
        contains, after = query.get("contains", ""), int(query.get("after", "0"))
        count, seconds = int(query.get("count", "0")), wait_seconds(request)
        acknowledged = query.get("acknowledged") == "1"
        found: list[ChatMessage] = []
        seen = after

        def look() -> bool:
            # Only what is new since the last look: waits on long chats stay cheap. An old message
            # can still become acknowledged, so then all are looked at again.
            nonlocal seen
            if acknowledged:
                found.clear()
                seen = after
            for entry in self._world.chat.entries[seen:]:
                record = entry.record()
                if (
                    (not acknowledged or record.acknowledged)
                    and all(getattr(record, name) == value for name, value in wanted.items())
                    and contains in record.text
                ):
                    found.append(record)
            seen = len(self._world.chat.entries)
            return len(found) >= count

        await request.body()
        changes = self._world.changes
        await while_connected(request, lambda: changes.until(look, lambda: seconds))
        # Not asdict, which copies every item.
        return reply({"messages": [vars(one) for one in found], "enough": len(found) >= count})

    async def _content(self, request: Request) -> Response:
        """Return the decrypted bytes of a media message."""
        entry = self._entry(request.path_params["message_id"])
        plain = media.content(entry.wire["item_list"][0], self._world.cdn.download)
        return Response(plain, media_type="application/octet-stream")

    async def _expire(self, request: Request) -> Response:
        body = await json_body(request)
        user_id, bot = self._parties(body["user"], body.get("bot", ""))
        ended = self._world.tokens.expire(user_id, bot.bot_id)
        self._world.changes.notify()
        return reply({"expired": ended})
