"""The people of the soak: they write everything that a phone can, and remember what it was."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from weilink.sandbox.phone import MediaKind, Phone

MEDIA: tuple[tuple[MediaKind, str, bytes], ...] = (
    ("image", "", b"\x89PNG\r\n\x1a\n"),
    ("image", "hex", b"\x89PNG\r\n\x1a\n"),
    ("image", "base64_raw", b"\x89PNG\r\n\x1a\n"),
    ("image", "none", b"\x89PNG\r\n\x1a\n"),
    ("voice", "base64_hex", b"\x02#!SILK_V3"),
    ("file", "base64_raw", b""),
    ("file", "base64_hex", b""),
    ("video", "", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
)


@dataclass(frozen=True)
class Written:
    """What a person wrote, as the store has to have it."""

    message_id: str
    kind: str
    text: str
    sha256: str = ""
    group_id: str = ""
    quoted: str = ""
    part: str = ""


class People:
    """Writes as several users; `written` is in order, by user."""

    def __init__(self, phone: Phone, users: tuple[str, ...], dice: random.Random) -> None:
        self._phone = phone
        self._dice = dice
        self.written: dict[str, list[Written]] = {user: [] for user in users}

    def count(self) -> int:
        """Return how many messages there are."""
        return sum(map(len, self.written.values()))

    def write(self, user: str, count: int) -> None:
        """Let a user write some messages: most of them text, one in ten something else."""
        plain = 0
        for _ in range(count):
            if self._dice.random() < 0.9:
                plain += 1
                continue
            self._texts(user, plain)
            plain = 0
            self._dice.choice((self._media, self._quote, self._group))(user)
        self._texts(user, plain)

    def _texts(self, user: str, count: int) -> None:
        if count:
            first = len(self.written[user])
            texts = [f"{user} {first + n} 消息" for n in range(count)]
            for message in self._phone.write_all(texts, user=user):
                self.written[user].append(Written(message.message_id, "text", message.text))

    def _media(self, user: str) -> None:
        kind, form, head = self._dice.choice(MEDIA)
        size = self._dice.choice([0, 1, 15, 16, 17, 5000, 50_000])
        data = head + self._dice.randbytes(size)
        name = f"报告 {len(self.written[user])}.bin" if kind == "file" else ""
        spoken = "transcribed" if kind == "voice" else ""
        message = self._phone.send_media(
            kind,
            data,
            file_name=name,
            text=spoken,
            key_form=form,  # type: ignore[arg-type]
            user=user,
        )
        text = {
            "image": "[picture]",
            "voice": f"[voice message] {spoken}",
            "file": f"[file: {name}]",
            "video": "[video]",
        }[kind]
        digest = hashlib.sha256(data).hexdigest()
        self.written[user].append(Written(message.message_id, kind, text, digest))

    def _quote(self, user: str) -> None:
        texts = [one for one in self.written[user] if one.kind == "text"]
        quoted = self._dice.choice(texts)
        style = self._dice.choice(("inline", "id", "partial"))
        part = quoted.text[2:-1] if style == "partial" else ""
        text = f"{user} {len(self.written[user])} quotes"
        message = self._phone.write(
            text,
            user=user,
            quote=quoted.message_id,
            quote_style=style,  # type: ignore[arg-type]
            quote_part=part,
        )
        self.written[user].append(
            Written(message.message_id, "text", text, quoted=quoted.text, part=part)
        )

    def _group(self, user: str) -> None:
        text = f"{user} {len(self.written[user])} to all"
        message = self._phone.write(text, user=user, group_id="family@chatroom")
        self.written[user].append(
            Written(message.message_id, "text", text, group_id="family@chatroom")
        )
