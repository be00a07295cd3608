"""`Phone`: a WeChat user's hand on a running sandbox, from tests, the demo and other processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from weilink.sandbox.lab import Lab
from weilink.sandbox.link import Link, PhoneError, PhoneTimeout
from weilink.sandbox.records import (
    Author,
    BotState,
    ChatMessage,
    Conversation,
    Credentials,
    LoginState,
    State,
)

__all__ = ["Phone", "PhoneError", "PhoneTimeout"]

Kind = Literal["text", "image", "voice", "file", "video", "tool_call", "tool_result", "unknown"]
MediaKind = Literal["image", "voice", "file", "video"]
_LONGEST_HOLD = 300.0


class Phone:
    """Acts as the WeChat app of one or more users; a context manager, or call `close`.

    Methods that take `user` mean the user the phone was made for when it is left out; a user is
    created when first named. Methods that take `bot` mean the user's own bot when it is left out,
    or else the only live one. Times are seconds. Every method raises `PhoneError` with a sentence
    when the sandbox cannot do it or is gone.
    """

    def __init__(self, base_url: str, user: str = "alice") -> None:
        self._link = Link(base_url)
        self.base_url = self._link.base_url
        self.user = user
        self.lab = Lab(self._link, user)

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._link.close()

    @property
    def cdn_base_url(self) -> str:
        """The sandbox's CDN."""
        return f"{self.base_url}/c2c"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point WeiLink at this sandbox."""
        return {
            "WEILINK_ILINK_BASE_URL": self.base_url,
            "WEILINK_CDN_BASE_URL": self.cdn_base_url,
        }

    def user_id(self, user: str | None = None) -> str:
        """Return the iLink id of a user."""
        return f"{(user or self.user).removesuffix('@im.wechat')}@im.wechat"

    # -- the sandbox as a whole --------------------------------------------------------------

    def state(self) -> State:
        """Return what the sandbox knows, messages aside."""
        return State.from_json(self._link.json("GET", "/state"))

    def wait_until(self, true: Callable[[State], object], timeout: float = 10.0) -> State:
        """Block until `true` says so of the sandbox's state, and return that state.

        Raises:
            PhoneTimeout: it did not within `timeout`.
        """
        deadline = time.monotonic() + timeout
        state = self.state()
        while not true(state):
            left = deadline - time.monotonic()
            if left <= 0:
                raise PhoneTimeout(f"not within {timeout} s; the sandbox is now: {state}")
            hold = min(left, _LONGEST_HOLD)
            query = {"since": state.version, "wait": hold}
            state = State.from_json(self._link.json("GET", "/state", query=query, hold=hold))
        return state

    # -- login -------------------------------------------------------------------------------

    def wait_login(self, timeout: float = 10.0) -> LoginState:
        """Block until a client shows a QR code that nobody has scanned, and return the newest.

        Raises:
            PhoneTimeout: none did within `timeout`.
        """

        def shown(state: State) -> list[LoginState]:
            return [login for login in state.logins if login.status == "wait"]

        return shown(self.wait_until(shown, timeout))[-1]

    def scan(self, qrcode: str, user: str | None = None) -> LoginState:
        """Scan a QR code, given as such or as the URL that it shows.

        `pair_code` of the answer is what the phone shows when the client has to be told a code.
        """
        body = {"qrcode": qrcode, "user": user or self.user}
        return LoginState(**self._link.json("POST", "/logins/scan", body=body))

    def confirm(self, qrcode: str) -> Credentials:
        """Agree to the login that was scanned; return what the client is going to get."""
        body = {"qrcode": qrcode}
        return Credentials(**self._link.json("POST", "/logins/confirm", body=body))

    def decline(self, qrcode: str) -> None:
        """Refuse the login, or let the QR code expire: the client is told `expired`."""
        self._link.json("POST", "/logins/end", body={"qrcode": qrcode})

    def log_in(self, user: str | None = None, timeout: float = 10.0) -> Credentials:
        """Wait for a client's QR code, scan it and confirm it."""
        login = self.wait_login(timeout)
        self.scan(login.qrcode, user)
        return self.confirm(login.qrcode)

    def bot(self, *, user: str | None = None) -> BotState:
        """Return the newest bot of a user."""
        user_id = self.user_id(user)
        found = [bot for bot in self.state().bots if bot.user_id == user_id]
        if not found:
            raise PhoneError(f"{user_id} has no bot")
        return found[-1]

    def wait_polling(self, *, user: str | None = None, timeout: float = 10.0) -> BotState:
        """Block until a client holds a getupdates of the user's live bot.

        Raises:
            PhoneTimeout: none did within `timeout`.
        """
        user_id = self.user_id(user)

        def polling(state: State) -> list[BotState]:
            return [b for b in state.bots if b.live and b.polling and b.user_id == user_id]

        return polling(self.wait_until(polling, timeout))[-1]

    # -- writing -----------------------------------------------------------------------------

    def write(
        self,
        text: str,
        *,
        user: str | None = None,
        bot: str = "",
        quote: str = "",
        quote_style: Literal["inline", "id", "partial"] = "inline",
        quote_part: str = "",
        group_id: str = "",
    ) -> ChatMessage:
        """Write a text to the bot; `quote` is the id of a message that it quotes."""
        message: dict[str, Any] = {"text": text, "group_id": group_id}
        if quote:
            message["quote"] = {"message_id": quote, "style": quote_style, "part": quote_part}
        return self._write([message], user, bot)[0]

    def write_all(
        self, texts: Sequence[str], *, user: str | None = None, bot: str = ""
    ) -> list[ChatMessage]:
        """Write many texts at once, in order, in one request."""
        return self._write([{"text": text} for text in texts], user, bot)

    def write_items(
        self,
        items: list[dict[str, Any]],
        *,
        user: str | None = None,
        bot: str = "",
        group_id: str = "",
    ) -> ChatMessage:
        """Write one message of any items, as they stand on the wire."""
        return self._write([{"items": items, "group_id": group_id}], user, bot)[0]

    def _write(
        self, messages: list[dict[str, Any]], user: str | None, bot: str
    ) -> list[ChatMessage]:
        body = {"user": user or self.user, "bot": bot, "messages": messages}
        answer = self._link.json("POST", "/messages", body=body, hold=20.0)
        return [ChatMessage(**one) for one in answer["messages"]]

    def send_media(
        self,
        kind: MediaKind,
        data: bytes,
        *,
        file_name: str = "",
        text: str = "",
        duration_ms: int = 1000,
        key_form: Literal["", "hex", "base64_raw", "base64_hex", "none"] = "",
        user: str | None = None,
        bot: str = "",
    ) -> ChatMessage:
        """Send plain bytes as a picture, voice (silk), file or video.

        `file_name` is of files, `text` the transcription of a voice. `key_form` chooses where the
        key stands; "none" leaves a picture unencrypted.
        """
        query = {
            "kind": kind,
            "user": user or self.user,
            "bot": bot or None,
            "file_name": file_name,
            "text": text,
            "duration_ms": duration_ms,
            "key_form": key_form,
        }
        hold = 30.0 + len(data) / 10_000_000
        answer = self._link.json("POST", "/messages/media", content=data, query=query, hold=hold)
        return ChatMessage(**answer)

    # -- reading -----------------------------------------------------------------------------

    def chat(
        self,
        *,
        author: Author | None = None,
        kind: Kind | None = None,
        text: str | None = None,
        contains: str | None = None,
        client_id: str | None = None,
        after: int = 0,
        user: str | None = None,
        bot: str | None = None,
    ) -> list[ChatMessage]:
        """Return the user's messages in both directions, oldest first.

        `text` is the whole text, `contains` a part of it; `after` is the `n` of a message.
        """
        return self._read(
            0,
            0.0,
            author=author,
            kind=kind,
            text=text,
            contains=contains,
            client_id=client_id,
            after=after,
            user=user or self.user,
            bot=bot,
        )[0]

    def wait_for(
        self,
        text: str | None = None,
        *,
        contains: str | None = None,
        kind: Kind | None = None,
        author: Author = "bot",
        count: int = 1,
        after: int = 0,
        acknowledged: bool = False,
        user: str | None = None,
        bot: str | None = None,
        timeout: float = 10.0,
    ) -> list[ChatMessage]:
        """Block until the chat holds `count` messages like this, and return them, oldest first.

        Without more it waits for any message of the bot. With `author="user"` and `acknowledged`
        it waits until a client has stored what the user wrote, as far as its cursor tells.

        Raises:
            PhoneTimeout: there were fewer after `timeout`.
        """
        found, enough = self._read(
            count,
            timeout,
            author=author,
            kind=kind,
            text=text,
            contains=contains,
            after=after,
            acknowledged=1 if acknowledged else None,
            user=user or self.user,
            bot=bot,
        )
        if not enough:
            latest = [(one.author, one.kind, one.text[:80]) for one in self.chat(user=user)[-5:]]
            raise PhoneTimeout(
                f"{len(found)} of {count} messages within {timeout} s; the chat ends with {latest}"
            )
        return found

    def _read(self, count: int, wait: float, **query: Any) -> tuple[list[ChatMessage], bool]:
        query |= {"count": count, "wait": wait}
        answer = self._link.json("GET", "/messages", query=query, hold=wait)
        return [ChatMessage(**one) for one in answer["messages"]], answer["enough"]

    def content(self, message: ChatMessage | str) -> bytes:
        """Return the decrypted bytes of a media message, given itself or by its id."""
        message_id = message if isinstance(message, str) else message.message_id
        return self._link.call("GET", f"/messages/{message_id}/content", hold=60.0).content

    def conversation(self, *, user: str | None = None, bot: str = "") -> Conversation:
        """Return typing state, replies left and reply window between a user and a bot."""
        user_id, bot_id = self.user_id(user), bot or self.bot(user=user).bot_id
        for one in self.state().conversations:
            if (one.user_id, one.bot_id) == (user_id, bot_id):
                return one
        raise PhoneError(f"{user_id} has not written to {bot_id} yet")

    def wait_typing(
        self, typing: bool = True, *, user: str | None = None, timeout: float = 10.0
    ) -> None:
        """Block until the phone shows that the bot is typing, or no longer shows it.

        Raises:
            PhoneTimeout: it did not within `timeout`.
        """
        user_id = self.user_id(user)

        def as_asked(state: State) -> bool:
            return typing == any(c.typing for c in state.conversations if c.user_id == user_id)

        self.wait_until(as_asked, timeout)
