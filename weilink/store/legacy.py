"""Reading the files of others: the weilink 0.6 SDK and the OpenClaw plugin. Never written.

weilink 0.6: `token.json` (with the cursor), `contexts.json` (context tokens and how often they
were used), flat under the base path or per session; `messages.db` beside them.
OpenClaw plugin: `openclaw-weixin/accounts.json` lists account ids, `accounts/<id>.json` the
credentials, `<id>.sync.json` the cursor, `<id>.context-tokens.json` the tokens.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from weilink.errors import WeiLinkError
from weilink.store.clock import now_ms
from weilink.store.models import Direction, Quote

logger = logging.getLogger(__name__)

_TYPES = {1: "TEXT", 2: "IMAGE", 3: "VOICE", 4: "FILE", 5: "VIDEO"}
_WORDS = {2: "[picture]", 3: "[voice message]", 5: "[video]"}
_BATCH = 2000
_HEX_KEY = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True)
class OldWindow:
    """A context token that is still of use. Times in ms."""

    user_id: str
    token: str = field(repr=False)
    received_at: int
    replies_used: int


@dataclass(frozen=True)
class OldSession:
    """A bot that somebody else's files know."""

    name: str
    bot_id: str
    user_id: str
    base_url: str
    token: str = field(repr=False)
    cursor: str
    created_at: float
    windows: tuple[OldWindow, ...]


@dataclass(frozen=True)
class OldMessage:
    """A message of `messages.db`."""

    bot_id: str
    message_id: str
    user_id: str
    direction: Direction
    msg_type: str
    text: str
    timestamp: int
    raw: dict[str, Any]
    quote: Quote | None


def weilink_sessions(folder: Path) -> list[OldSession]:
    """Return the bot sessions of a weilink 0.6 folder, flat or per session."""
    places = [("default", folder), *((path.parent.name, path.parent) for path in _tokens(folder))]
    found: dict[str, OldSession] = {}
    for name, place in places:
        raw = _read(place / "token.json")
        if not raw or not raw.get("bot_id") or not raw.get("token"):
            continue
        session = OldSession(
            name=name,
            bot_id=str(raw["bot_id"]),
            user_id=str(raw.get("user_id") or ""),
            base_url=str(raw.get("base_url") or ""),
            token=str(raw["token"]),
            cursor=str(raw.get("cursor") or ""),
            created_at=_number(raw.get("created_at")) or (place / "token.json").stat().st_mtime,
            windows=tuple(_windows(_read(place / "contexts.json"))),
        )
        # `default/` wins over a flat file beside it, as in 0.6.
        found[name] = session
    return list(found.values())


def _tokens(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/token.json"))


def _windows(contexts: dict[str, Any]) -> Iterator[OldWindow]:
    for user_id, entry in contexts.items():
        if isinstance(entry, dict) and isinstance(entry.get("t"), str) and entry["t"]:
            received = int(_number(entry.get("ts")) * 1000)
            yield OldWindow(user_id, entry["t"], received, int(_number(entry.get("sc"))))


def weilink_messages(folder: Path) -> Iterator[list[OldMessage]]:
    """Yield the messages of a weilink 0.6 folder in batches, oldest first.

    Raises:
        WeiLinkError: `messages.db` is there, but cannot be read.
    """
    path = folder / "messages.db"
    if not path.exists():
        return
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            rows = db.execute(
                "SELECT id, message_id, user_id, bot_id, msg_type, direction, text, timestamp_ms,"
                " data FROM messages ORDER BY id"
            )
            while batch := rows.fetchmany(_BATCH):
                yield [_message(row) for row in batch]
        finally:
            db.close()
    except sqlite3.Error as error:
        raise WeiLinkError(f"{path} cannot be read as data of weilink 0.6 ({error})") from error


def _message(row: tuple[Any, ...]) -> OldMessage:
    number, message_id, user_id, bot_id, kind, direction, text, timestamp, data = row
    try:
        raw = json.loads(data)
    except (ValueError, TypeError, RecursionError):
        raw = {}
    raw = raw if isinstance(raw, dict) else {}
    items = [item for item in (_item(raw, kind),) if item]
    if text:
        items.insert(0, {"type": 1, "text_item": {"text": text}})
    name = raw.get("file", {}).get("file_name", "") if isinstance(raw.get("file"), dict) else ""
    word = f"[file: {name}]" if kind == 4 else _WORDS.get(kind, "")
    voice = raw.get("voice")
    if kind == 3 and isinstance(voice, dict) and voice.get("text"):
        word = f"{word} {voice['text']}"
    shown = [text or "", word]
    quoted = raw.get("ref_msg")
    return OldMessage(
        bot_id=str(bot_id or ""),
        # A sent message had no id there: its number is as good, and the same next time.
        message_id=str(message_id) if message_id is not None else f"weilink-0.6-{number}",
        user_id=str(user_id or ""),
        direction=Direction.SENT if direction == 2 else Direction.RECEIVED,
        msg_type=_TYPES.get(kind, "UNKNOWN"),
        text="\n".join(filter(None, shown)),
        timestamp=int(timestamp or 0),
        raw={"item_list": items, "weilink_0_6": raw},
        quote=Quote(
            msg_type=_TYPES.get(quoted.get("msg_type") or 0, "UNKNOWN"),
            text=str(quoted.get("text") or ""),
        )
        if isinstance(quoted, dict)
        else None,
    )


def _item(raw: dict[str, Any], kind: int) -> dict[str, Any] | None:
    """Return the wire item that the old form was made of, so that it can be downloaded."""
    names = {2: "image", 3: "voice", 4: "file", 5: "video"}
    part = raw.get(names.get(kind, ""))
    if not isinstance(part, dict):
        return None
    part = dict(part)
    media = part.get("media")
    if kind == 2 and isinstance(media, dict) and _HEX_KEY.fullmatch(str(media.get("aes_key"))):
        # It put the key of `image_item.aeskey`, which is hex, where the others are base64.
        part["aeskey"] = media["aes_key"]
        part["media"] = {**media, "aes_key": ""}
    if "file_size" in part:
        part["len"] = str(part.pop("file_size"))
    return {"type": kind, f"{names[kind]}_item": part}


def openclaw_sessions(folder: Path) -> list[OldSession]:
    """Return the accounts of the OpenClaw plugin under its state folder.

    Raises:
        WeiLinkError: there are none, or the list cannot be read.
    """
    home = folder / "openclaw-weixin"
    index = home / "accounts.json"
    try:
        accounts = json.loads(index.read_text("utf-8"))
    except FileNotFoundError:
        raise WeiLinkError(
            f"{index} is not there: no WeChat account is logged in with the OpenClaw plugin; "
            "name its state folder with --from"
        ) from None
    except (OSError, ValueError) as error:
        raise WeiLinkError(f"{index} cannot be read ({error})") from None
    found = []
    for account in accounts if isinstance(accounts, list) else []:
        # An id is part of a path: not one that leads elsewhere.
        if not isinstance(account, str) or Path(account).name != account:
            logger.warning("%s: an account id is not understood and left out", index)
            continue
        bot_id = account
        if account.endswith("-im-bot"):
            # The plugin writes the id as a file name; older versions wrote it as it is.
            bot_id = account.removesuffix("-im-bot") + "@im.bot"
        files = [home / "accounts" / name for name in dict.fromkeys((account, bot_id))]
        raw = _first(files, ".json")
        if not raw.get("token"):
            logger.warning("account %s has no credentials and is left out", account)
            continue
        tokens = _first(files, ".context-tokens.json")
        now = now_ms()
        found.append(
            OldSession(
                name=account.removesuffix("@im.bot").removesuffix("-im-bot"),
                bot_id=bot_id,
                user_id=str(raw.get("userId") or ""),
                base_url=str(raw.get("baseUrl") or ""),
                token=str(raw["token"]),
                cursor=str(_first(files, ".sync.json").get("get_updates_buf") or ""),
                created_at=_moment(raw.get("savedAt")) or now / 1000,
                windows=tuple(
                    OldWindow(user, token, now, 0)
                    for user, token in tokens.items()
                    if isinstance(token, str) and token
                ),
            )
        )
    if not found:
        raise WeiLinkError(
            f"{index} lists no account with credentials: none is logged in with the OpenClaw plugin"
        )
    return found


def _first(files: Sequence[Path], suffix: str) -> dict[str, Any]:
    """Return the content of the first that is there."""
    found = (_read(file.with_name(file.name + suffix)) for file in files)
    return next(filter(None, found), {})


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("%s is not valid and left out: %s", path, error)
        return {}
    return raw if isinstance(raw, dict) else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e12 else 0.0


def _moment(value: object) -> float:
    try:
        when = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
