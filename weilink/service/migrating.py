"""Taking over from the weilink 0.6 SDK and from the OpenClaw plugin.

Their files are read and stay as they are; only the flat layout of the oldest weilink is moved
into `default/`, as weilink 0.6 does itself.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from weilink.errors import UsageError, WeiLinkError
from weilink.store import Store
from weilink.store.credentials import BotSession, can_name, check_name
from weilink.store.files import private_folder
from weilink.store.legacy import (
    OldSession,
    openclaw_sessions,
    weilink_messages,
    weilink_sessions,
)

logger = logging.getLogger(__name__)

_MARK = "adopted_0_6"


@dataclass(frozen=True)
class Taken:
    """What became of one bot: `new`, `known` (logged in here already) or `would` (dry run)."""

    name: str
    bot_id: str
    outcome: str
    windows: int


@dataclass(frozen=True)
class Migration:
    """What was taken over."""

    sessions: tuple[Taken, ...]
    messages: int


async def migrate_openclaw(store: Store, folder: Path, *, dry_run: bool = False) -> Migration:
    """Take over the accounts of the OpenClaw plugin from its state folder.

    Raises:
        WeiLinkError: there are none, or they cannot be read.
    """
    sessions = await anyio.to_thread.run_sync(openclaw_sessions, folder)
    return Migration(tuple([await _take(store, one, dry_run) for one in sessions]), 0)


async def migrate_weilink(store: Store, folder: Path, *, dry_run: bool = False) -> Migration:
    """Take over bots, context tokens and history of a weilink 0.6 folder.

    Raises:
        UsageError: there is nothing of the kind.
        WeiLinkError: it cannot be read.
    """
    if not await anyio.Path(folder).is_dir():
        raise UsageError(
            f"'{folder}' is no folder; name the data folder of weilink 0.6 with --from"
        )
    sessions = await anyio.to_thread.run_sync(weilink_sessions, folder)
    if not sessions and not (folder / "messages.db").exists():
        raise UsageError(f"'{folder}' holds no data of weilink 0.6")
    first = not store.credentials.load()
    taken = [await _take(store, session, dry_run) for session in sessions]
    messages = await _messages(store, folder, dry_run)
    default = await anyio.to_thread.run_sync(_old_default, folder)
    for old, now in zip(sessions, taken, strict=True):
        # What was chosen here stays; a base path without bots has nothing chosen.
        if old.name == default and first and not dry_run:
            await store.preferences.set("default_session", now.name)
    return Migration(tuple(taken), messages)


async def adopt(store: Store) -> None:
    """Use what weilink 0.6 left in the base path itself; nothing happens when there is nothing.

    A file that cannot be read is named in the log and stops nothing.
    """
    base = store.base_path
    present = await anyio.to_thread.run_sync(_signature, base)
    if not present or await store.preferences.get(_MARK, "") == present:
        return
    try:
        await anyio.to_thread.run_sync(_unflatten, base)
        await anyio.to_thread.run_sync(_close_to_others, base)
        sessions = await anyio.to_thread.run_sync(weilink_sessions, base)
        for session in sessions:
            await store.takeover.session(session)
        count = await _messages(store, base, dry_run=False)
    except (WeiLinkError, OSError) as error:
        logger.warning("data of weilink 0.6 in %s was not taken over: %s", base, error)
        return
    name = await anyio.to_thread.run_sync(_old_default, base)
    if name and not await store.preferences.get("default_session", ""):
        await store.preferences.set("default_session", name)
    await store.preferences.set(_MARK, await anyio.to_thread.run_sync(_signature, base))
    logger.info("took over %d bots and %d messages of weilink 0.6", len(sessions), count)


def _signature(base: Path) -> str:
    """Return what tells whether the old files changed, "" when there are none."""
    found = []
    # Only the old ones keep the cursor beside the credentials.
    tokens = [path for path in sorted(base.glob("*/token.json")) if _has_cursor(path)]
    old = (base / "token.json", base / "messages.db", *sorted(base.glob("*/contexts.json")))
    for path in (*old, *tokens):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append(f"{path.relative_to(base)}:{stat.st_size}:{stat.st_mtime_ns}")
    return " ".join(found)


def _has_cursor(path: Path) -> bool:
    try:
        return b'"cursor"' in path.read_bytes()
    except OSError:
        return False


def _unflatten(base: Path) -> None:
    folder = base / "default"
    if not (base / "token.json").exists() or (folder / "token.json").exists():
        return
    private_folder(folder)
    for name in ("token.json", "contexts.json"):
        # Another process may be doing the same.
        with contextlib.suppress(FileNotFoundError):
            (base / name).rename(folder / name)
            (folder / name).chmod(0o600)


def _close_to_others(base: Path) -> None:
    """Take the rights of others away, which weilink 0.6 left to the umask."""
    for path in (
        base,
        base / ".default_session",
        base / "messages.db",
        *(path.parent for path in base.glob("*/token.json")),
        *base.glob("*/token.json"),
        *base.glob("*/contexts.json"),
        *base.glob("messages.db-*"),
    ):
        # Another process may be writing it anew, or it is somebody else's.
        with contextlib.suppress(OSError):
            path.chmod(path.stat().st_mode & 0o700)


def _old_default(base: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (base / ".default_session").read_text("utf-8").strip()
    return ""


async def _messages(store: Store, folder: Path, dry_run: bool) -> int:
    count = 0
    batches = weilink_messages(folder)
    while (batch := await anyio.to_thread.run_sync(next, batches, None)) is not None:
        count += await store.takeover.messages(batch, dry_run=dry_run)
    return count


async def _take(store: Store, old: OldSession, dry_run: bool) -> Taken:
    present = store.credentials.load()
    for session in present:
        if session.bot_id == old.bot_id:
            windows = 0 if dry_run else await store.takeover.session(old)
            return Taken(session.name, old.bot_id, "known", windows)
    name = _free_name(old.name, store)
    if dry_run:
        return Taken(name, old.bot_id, "would", len(old.windows))
    # Cursor and tokens first: a poller may start as soon as the credentials are there.
    windows = await store.takeover.session(old)
    store.credentials.save(
        BotSession(name, old.bot_id, old.user_id, old.base_url, old.token, old.created_at)
    )
    return Taken(name, old.bot_id, "new", windows)


def _free_name(wanted: str, store: Store) -> str:
    name = re.sub(r"[^\w.-]", "_", wanted)[:60].strip("._-") or "bot"
    if not can_name(name):
        name = f"bot-{name}"
    numbered = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
    return check_name(next(one for one in numbered if not store.credentials.alike(one)))
