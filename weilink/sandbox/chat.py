"""Messages in both directions: queues with cursors, and what a bot may send."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weilink.sandbox import media
from weilink.sandbox.accounts import Bot
from weilink.sandbox.changes import Clock
from weilink.sandbox.options import Options
from weilink.sandbox.records import Author, ChatMessage
from weilink.sandbox.tokens import RefusedError, Tokens

TEXT_LIMIT = 16384  # bytes of UTF-8 [ilink.md, Sending]
KINDS = {
    1: "text",
    2: "image",
    3: "voice",
    4: "file",
    5: "video",
    11: "tool_call",
    12: "tool_result",
}
USER, BOT = 1, 2  # message_type


@dataclass
class Entry:
    """A message as it stands on the wire, and what became of it."""

    n: int
    author: Author
    user_id: str
    bot_id: str
    wire: dict[str, Any]
    handed_over: int = 0
    acknowledged: bool = False

    def record(self) -> ChatMessage:
        """Return it as the control API tells it."""
        wire, items = self.wire, self.wire["item_list"]
        first = items[0]
        part, kind = media.part_of(first, "text_item"), first.get("type")
        quotes = [item["ref_msg"] for item in items if isinstance(item.get("ref_msg"), dict)]
        quoted = str(quotes[0].get("svr_id", "")) if quotes else ""
        return ChatMessage(
            n=self.n,
            message_id=str(wire["message_id"]),
            author=self.author,
            user_id=self.user_id,
            bot_id=self.bot_id,
            kind=KINDS.get(kind, "unknown") if isinstance(kind, int) else "unknown",
            text=str(part.get("text", "")),
            file_name=str(part.get("file_name", "")),
            client_id=wire["client_id"],
            context_token=wire["context_token"],
            run_id=wire.get("run_id", ""),
            group_id=wire.get("group_id", ""),
            quoted_id=quoted,
            create_time_ms=wire["create_time_ms"],
            handed_over=self.handed_over,
            acknowledged=self.acknowledged,
            items=items,
        )


class Chat:
    """Every message, in the order of its coming, and one queue per bot."""

    def __init__(
        self,
        options: Options,
        clock: Clock,
        tokens: Tokens,
        refuse: Callable[[str], None],
        has_file: Callable[[str], bool],
    ) -> None:
        self._options = options
        self._clock = clock
        self._tokens = tokens
        self._refuse = refuse
        self._has_file = has_file
        self.entries: list[Entry] = []
        # The number of a message each time it came or what became of it changed: a page that has
        # read so far needs to look at the rest alone.
        self.log: list[int] = []
        self._inboxes: dict[str, list[Entry]] = {}
        self._acknowledged: dict[str, int] = {}
        self._by_id: dict[str, Entry] = {}
        self._by_client_id: dict[tuple[str, str], Entry] = {}
        # uint64 above 2^63: neither a double nor a signed 64-bit integer, as of SQL, can hold them.
        self._ids = itertools.count(2**63 + secrets.randbits(60))

    def _add(self, author: Author, user_id: str, bot_id: str, wire: dict[str, Any]) -> Entry:
        wire["message_id"] = next(self._ids)
        wire["create_time_ms"] = self._clock.now_ms()
        entry = Entry(len(self.entries) + 1, author, user_id, bot_id, wire)
        self.entries.append(entry)
        self.log.append(entry.n)
        self._by_id[str(wire["message_id"])] = entry
        return entry

    def _enqueue(self, entry: Entry) -> None:
        inbox = self._inboxes.setdefault(entry.bot_id, [])
        inbox.append(entry)
        entry.wire["seq"] = len(inbox)

    def by_id(self, message_id: str) -> Entry | None:
        """Return the message of this id."""
        return self._by_id.get(message_id)

    def write(
        self, user_id: str, bot: Bot, items: list[dict[str, Any]], group_id: str = ""
    ) -> Entry:
        """Let a user write a message of these items to a bot. It brings a fresh context token."""
        entry = self._add(
            "user",
            user_id,
            bot.bot_id,
            {
                "from_user_id": user_id,
                "to_user_id": bot.bot_id,
                "client_id": secrets.token_hex(12),
                "session_id": f"{user_id}#{bot.bot_id}",
                "group_id": group_id,
                "message_type": USER,
                "message_state": 2,
                "item_list": items,
                "context_token": self._tokens.new(user_id, bot.bot_id).token,
            },
        )
        self._enqueue(entry)
        return entry

    # -- getupdates --------------------------------------------------------------------------

    def cursor(self, bot: Bot, position: int) -> str:
        """Return the opaque cursor that stands after the first `position` messages of a bot."""
        text = json.dumps([bot.bot_id, position])
        return base64.urlsafe_b64encode(text.encode()).decode()

    def position(self, bot: Bot, cursor: str) -> int | None:
        """Return how many messages a cursor has behind it, `None` when it is not of this bot."""
        if cursor == "":
            return 0
        try:
            bot_id, position = json.loads(base64.urlsafe_b64decode(cursor))
        except (ValueError, TypeError):
            return None
        known = bot_id == bot.bot_id and isinstance(position, int)
        return position if known and 0 <= position <= len(self._inboxes.get(bot_id, [])) else None

    def handed_over(self, entries: list[Entry]) -> None:
        """Note that an answer of getupdates holds these."""
        for entry in entries:
            entry.handed_over += 1
            self.log.append(entry.n)

    def after(self, bot: Bot, position: int) -> list[Entry]:
        """Return the next batch after a position, oldest first."""
        inbox = self._inboxes.get(bot.bot_id, [])
        return inbox[position : position + self._options.batch_size]

    def acknowledge(self, bot: Bot, position: int) -> bool:
        """Mark what a cursor has behind it; say whether anything is new in that."""
        inbox = self._inboxes.get(bot.bot_id, [])
        before = self._acknowledged.get(bot.bot_id, 0)
        for entry in inbox[before:position]:
            entry.acknowledged = True
            self.log.append(entry.n)
        self._acknowledged[bot.bot_id] = max(before, position)
        return position > before

    def waiting(self, bot: Bot) -> int:
        """Return how many messages no cursor has acknowledged yet."""
        inbox = self._inboxes.get(bot.bot_id, [])
        return len(inbox) - self._acknowledged.get(bot.bot_id, 0)

    # -- sendmessage -------------------------------------------------------------------------

    def send(self, bot: Bot, msg: dict[str, Any]) -> Entry | None:
        """Take a message of a bot; `None` when it vanished without a word.

        Raises:
            RefusedError: the service answers `ret` -2.
        """
        client_id, user_id = msg.get("client_id"), msg.get("to_user_id")
        if not isinstance(client_id, str) or not client_id:
            raise RefusedError("client_id is missing")
        if not isinstance(user_id, str) or not user_id:
            raise RefusedError("to_user_id is missing")
        again = self._by_client_id.get((bot.bot_id, client_id))
        if again is not None and self._options.dedupe_client_id:
            return again
        item = self._only_item(msg)
        token = self._tokens.known(msg.get("context_token"), user_id, bot.bot_id)
        if self._tokens.expired(token):
            if self._options.silent_when_expired:
                self._refuse("the context token has expired, and nobody is told")
                return None
            raise RefusedError("the context token has expired")
        if token.replies_left <= 0:
            raise RefusedError(
                f"all {self._options.replies_per_token} replies of the token are spent"
            )
        token.replies_left -= 1
        wire = {
            **msg,
            "from_user_id": bot.bot_id,
            "message_type": BOT,
            "item_list": [item],
            "context_token": token.token,
        }
        entry = self._add("bot", user_id, bot.bot_id, wire)
        self._by_client_id[bot.bot_id, client_id] = entry
        if self._options.echo_sent:
            self._enqueue(entry)
        return entry

    def _only_item(self, msg: dict[str, Any]) -> dict[str, Any]:
        items = msg.get("item_list")
        if not isinstance(items, list) or len(items) != 1 or not isinstance(items[0], dict):
            raise RefusedError("item_list does not hold exactly one item")
        item: dict[str, Any] = items[0]
        kind = item.get("type")
        if not isinstance(kind, int) or kind not in KINDS:
            raise RefusedError(f"item type {kind!r} is unknown")
        if kind == 1:
            text = media.part_of(item, "text_item").get("text")
            if not isinstance(text, str) or not text:
                raise RefusedError("a text item without text")
            if len(text.encode("utf-8", "surrogatepass")) > TEXT_LIMIT:
                raise RefusedError(f"the text is longer than {TEXT_LIMIT} bytes of UTF-8")
        elif kind in media.PARTS:
            reference = media.carrier_of(item).get("encrypt_query_param")
            if not isinstance(reference, str) or not self._has_file(reference):
                raise RefusedError("the media item refers to no uploaded file")
        return item
