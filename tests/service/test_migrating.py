from __future__ import annotations

import json
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.sandbox.packages import python_with
from weilink.errors import WeiLinkError
from weilink.sandbox.phone import Phone
from weilink.service import open_service
from weilink.service.media import files_of
from weilink.service.migrating import migrate_openclaw, migrate_weilink
from weilink.settings import Settings, load
from weilink.store import Store
from weilink.store.history import Query
from weilink.store.models import Delivery, Direction, NewMessage

pytestmark = pytest.mark.anyio

ALICE = "alice@im.wechat"


def token(bot: str, **more: Any) -> str:
    return json.dumps(
        {"bot_id": bot, "base_url": "https://ilinkai.weixin.qq.com", "token": f"secret {bot}",
         "user_id": ALICE, "cursor": f"cursor {bot}", "created_at": 1_750_000_000.5, **more}
    )  # fmt: skip


def contexts(**users: str) -> str:
    now = time.time()
    return json.dumps(
        {f"{u}@im.wechat": {"t": t, "ts": now - 60, "sc": 3} for u, t in users.items()}
    )


def old_messages(path: Path, count: int = 5000) -> None:
    """A `messages.db` as weilink 0.6 writes it: its own statements."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(
        "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, message_id INTEGER UNIQUE,"
        " user_id TEXT NOT NULL, bot_id TEXT NOT NULL DEFAULT '', msg_type INTEGER NOT NULL"
        " DEFAULT 1, direction INTEGER NOT NULL DEFAULT 1, text TEXT, timestamp_ms INTEGER NOT NULL"
        " DEFAULT 0, context_token TEXT NOT NULL DEFAULT '', data TEXT NOT NULL DEFAULT '{}',"
        " stored_at REAL NOT NULL)"
    )
    rows: list[tuple[Any, ...]] = [
        (7_000_000_000_000_000_000 + n, ALICE, "a@im.bot", 1, 1, f"消息 {n}", 1000 + n, "{}", 0.0)
        for n in range(count)
    ]
    media = {"encrypt_query_param": "ref", "aes_key": "AAAA", "encrypt_type": 1, "full_url": ""}
    file = {"file": {"media": media, "file_name": "报告.pdf", "file_size": "12", "md5": ""}}
    rows += [
        (None, ALICE, "a@im.bot", 1, 2, "an answer", 9_000, "{}", 0.0),
        (None, ALICE, "a@im.bot", 1, 2, "another", 9_001, "not json", 0.0),
        (42, ALICE, "a@im.bot", 4, 1, None, 9_002, json.dumps(file), 0.0),
    ]
    db.executemany(
        "INSERT INTO messages (message_id, user_id, bot_id, msg_type, direction, text,"
        " timestamp_ms, data, stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    db.commit()
    db.close()


async def test_the_base_path_itself(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "work 1").mkdir(parents=True)
    # Flat and per session side by side.
    (base / "token.json").write_text(token("a@im.bot"))
    (base / "contexts.json").write_text(contexts(alice="ct-a"))
    (base / "work 1" / "token.json").write_text(token("b@im.bot"))
    (base / "work 1" / "contexts.json").write_text(contexts(bob="ct-b"))
    (base / ".default_session").write_text("work 1")
    old_messages(base / "messages.db")
    before = (base / "messages.db").read_bytes()
    for _ in range(2):
        async with open_service(load(base_path=base)) as service:
            assert {s.name: s.bot_id for s in service.logins.sessions()} == {
                "default": "a@im.bot",
                "work 1": "b@im.bot",
            }
            assert await service.logins.default() == "work 1"
            assert (await service.store.bots.get("a@im.bot")).cursor == "cursor a@im.bot"
            window = await service.store.windows.get("a@im.bot", ALICE)
            assert window is not None
            assert (window.token, window.replies_used) == ("ct-a", 3)
            page = await service.store.history.find(Query(bot_id="a@im.bot", limit=3))
            assert page.total == 5003
            assert [m.direction for m in page.messages][1:] == [Direction.SENT] * 2
            assert page.messages[0].text == "[file: 报告.pdf]"
            assert (await service.store.history.find(Query(text_contains="消息 4999"))).total == 1
            # Nothing of it is handed to an agent again.
            assert await service.claims.receive("test", 0) is None
    assert (base / "messages.db").read_bytes() == before
    assert (base / "default").stat().st_mode & 0o077 == 0
    for path in (base, *base.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    # What we know ourselves is newer than what the old files say.
    async with Store(base) as store:
        await store.inbox.commit_batch("a@im.bot", "newer", [])
    (base / "default" / "contexts.json").write_text(contexts(alice="old", carol="ct-c"))
    async with open_service(load(base_path=base)) as service:
        assert (await service.store.bots.get("a@im.bot")).cursor == "newer"
        assert await service.store.windows.get("a@im.bot", "carol@im.wechat") is not None


async def test_from_another_folder(tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "run").mkdir(parents=True)
    (old / "run" / "token.json").write_text(token("a@im.bot"))
    (old / "broken").mkdir()
    (old / "broken" / "token.json").write_text("{")
    old_messages(old / "messages.db", 10)
    async with Store(tmp_path / "new") as store:
        done = await migrate_weilink(store, old, dry_run=True)
        assert (done.messages, [s.outcome for s in done.sessions]) == (13, ["would"])
        assert store.credentials.load() == []
        done = await migrate_weilink(store, old)
        assert (done.messages, [s.name for s in done.sessions]) == (13, ["bot-run"])
        for dry_run in (True, False):
            done = await migrate_weilink(store, old, dry_run=dry_run)
            assert (done.messages, [s.outcome for s in done.sessions]) == (0, ["known"])
        (old / "messages.db").write_bytes(b"not a database")
        with pytest.raises(WeiLinkError, match=r"messages\.db"):
            await migrate_weilink(store, old)
        with pytest.raises(WeiLinkError, match="no data"):
            await migrate_weilink(store, tmp_path)


async def test_pictures_and_voices_as_weilink_0_6_wrote_them(tmp_path: Path) -> None:
    """It kept the hex key of a picture where the others are base64, a transcription in `data`."""
    base = tmp_path / "base"
    base.mkdir()
    old_messages(base / "messages.db", 0)
    key = "29fd8d298b5e2beb7498839a90c573e7"
    media = {"encrypt_query_param": "ref", "aes_key": key, "encrypt_type": 1, "full_url": ""}
    db = sqlite3.connect(base / "messages.db")
    for number, kind, data in (
        (1, 2, {"image": {"media": media, "url": "", "hd_size": 0}}),
        (2, 3, {"voice": {"media": media, "playtime": 1000, "text": "明天见"}}),
    ):
        db.execute(
            "INSERT INTO messages (message_id, user_id, bot_id, msg_type, direction, data,"
            " timestamp_ms, stored_at) VALUES (?, ?, 'a@im.bot', ?, 1, ?, 5, 0)",
            (number, ALICE, kind, json.dumps(data)),
        )
    db.commit()
    db.close()
    async with open_service(load(base_path=base)) as service:
        picture = await service.store.history.get("1")
        assert picture is not None
        assert [file.key() for file in files_of(picture)] == [bytes.fromhex(key)]
        page = await service.store.history.find(Query(text_contains="明天"))
        assert [message.text for message in page.messages] == ["[voice message] 明天见"]


_SDK = """
import sys, weilink, weilink.client, weilink._store
from pathlib import Path
# Ids of the sandbox are larger than this SDK can store.
keep = weilink._store.MessageStore.store
def store(self, messages, **options):
    for message in messages:
        object.__setattr__(message, "message_id", message.message_id & (2**62 - 1))
    keep(self, messages, **options)
weilink._store.MessageStore.store = store
base, url, bot, token, user = sys.argv[1:]
sdk = weilink.WeiLink(base_path=base, message_store=True)
session = sdk._create_session("my bot", Path(base) / "my bot" / "token.json")
session.bot_info = weilink.client.BotInfo(bot_id=bot, base_url=url, token=token, user_id=user)
sdk._save_session_state(session)
sdk.set_default("my bot")
count = 0
while count < 3:
    count += len(sdk.recv(timeout=2))
assert sdk.send(user, text="from the SDK").success
sdk.close()
"""


@pytest.mark.slow
async def test_what_the_real_sdk_wrote(settings: Settings, phone: Phone) -> None:
    """The files of weilink 0.6.2 itself, after it received and sent."""
    python = await anyio.to_thread.run_sync(python_with, "weilink==0.6.2")
    base = settings.base_path
    for _ in range(3):
        bot = phone.lab.new_bot()
        phone.write("hello")
        picture = phone.send_media("image", b"\x89PNG\r\n\x1a\n" + bytes(50), key_form="hex")
        phone.send_media("voice", b"\x02#!SILK_V3" + b"\x04\x00abcd" * 50, text="明天见")
        arguments = (str(base), phone.base_url, bot.bot_id, bot.token, phone.user_id())
        # Now and then it waits for ever, in a file lock of its own: then once more from the start.
        with anyio.move_on_after(40) as scope:
            done = await anyio.run_process([python, "-I", "-c", _SDK, *arguments], check=False)
        if not scope.cancelled_caught:
            break
        await anyio.to_thread.run_sync(shutil.rmtree, base)
    else:
        pytest.fail("the SDK hung three times")
    assert done.returncode == 0, done.stderr.decode()
    number = str(int(picture.message_id) & (2**62 - 1))
    async with open_service(settings) as service:
        assert await service.logins.default() == "my bot"
        page = await service.store.history.find(Query())
        assert sorted(message.text for message in page.messages) == [
            "[picture]", "[voice message] 明天见", "from the SDK", "hello",
        ]  # fmt: skip
        got = await service.media.download(number)
        assert (got.mime, got.size) == ("image/png", 58)
        result = await service.sender.send_text(phone.user_id(), "from here")
        assert ([part.state.value for part in result.parts], result.replies_left) == (["sent"], 8)
        assert (await service.store.bots.get(bot.bot_id)).cursor
        assert await service.claims.receive("test", 0) is None
    secret = [base, base / "messages.db", base / "my bot", *(base / "my bot").iterdir()]
    assert [path for path in secret if path.stat().st_mode & 0o077] == []


async def test_the_freshest_context_of_several_bots_is_used(tmp_path: Path) -> None:
    base, now = tmp_path / "base", time.time()
    for name, bot, age in (("a", "a@im.bot", 60), ("b", "b@im.bot", 3600)):
        (base / name).mkdir(parents=True)
        (base / name / "token.json").write_text(token(bot))
        entry = {"t": f"ct-{name}", "ts": now - age, "sc": 0}
        (base / name / "contexts.json").write_text(json.dumps({ALICE: entry}))
    async with open_service(load(base_path=base)) as service:
        assert (await service.sender.bot_for(ALICE)).bot_id == "a@im.bot"
    # What others left is never fresher than what came here.
    (base / "c").mkdir()
    (base / "c" / "token.json").write_text(token("c@im.bot"))
    async with Store(base) as store:
        new = NewMessage(
            message_id="1", user_id=ALICE, msg_type="TEXT", text="hi", timestamp=1000,
            context_token="ct-c", delivery=Delivery.PENDING, raw={},
        )  # fmt: skip
        await store.inbox.commit_batch("c@im.bot", "cursor", [new])
    (base / "d").mkdir()
    (base / "d" / "token.json").write_text(token("d@im.bot"))
    (base / "d" / "contexts.json").write_text(contexts(alice="ct-d"))
    async with open_service(load(base_path=base)) as service:
        assert await service.store.windows.get("d@im.bot", ALICE) is not None
        assert (await service.sender.bot_for(ALICE)).bot_id == "c@im.bot"


async def test_a_name_that_only_weilink_0_6_allowed(tmp_path: Path) -> None:
    for name in ("my bot", "工作 1"):
        (tmp_path / "base" / name).mkdir(parents=True)
    (tmp_path / "base" / "my bot" / "token.json").write_text(token("a@im.bot"))
    (tmp_path / "base" / "工作 1" / "token.json").write_text(token("b@im.bot"))
    async with open_service(load(base_path=tmp_path / "base")) as service:
        await service.logins.rename("my bot", "mine")
        with pytest.raises(WeiLinkError, match="cannot name"):
            await service.logins.rename("mine", "my bot")
        await service.logins.logout("工作 1")
        assert [session.name for session in service.logins.sessions()] == ["mine"]
        with pytest.raises(WeiLinkError, match="cannot name"):
            service.store.credentials.remove("..")


async def test_names_that_are_one_folder_on_other_computers(tmp_path: Path) -> None:
    old = tmp_path / "old"
    for name, bot in (("Work", "a@im.bot"), ("work", "b@im.bot"), ("WORK", "c@im.bot")):
        (old / name).mkdir(parents=True)
        (old / name / "token.json").write_text(token(bot))
    async with open_service(load(base_path=tmp_path / "new")) as service:
        await migrate_weilink(service.store, old)
        names = sorted(session.name.casefold() for session in service.logins.sessions())
    assert names == ["work", "work-2", "work-3"]


async def test_the_chosen_default_comes_along(tmp_path: Path) -> None:
    old = tmp_path / "old"
    for name, bot in (("a", "a@im.bot"), ("b 2", "b@im.bot")):
        (old / name).mkdir(parents=True)
        (old / name / "token.json").write_text(token(bot))
    (old / ".default_session").write_text("b 2")
    async with open_service(load(base_path=tmp_path / "new")) as service:
        await migrate_weilink(service.store, old)
        assert await service.logins.default() == "b_2"
        await service.logins.set_default("a")
        await migrate_weilink(service.store, old)
        assert await service.logins.default() == "a"


async def test_openclaw_accounts_of_older_versions(tmp_path: Path) -> None:
    """The list has the id as a file name, the files of older versions have it as it is."""
    accounts = tmp_path / "openclaw-weixin" / "accounts"
    accounts.mkdir(parents=True)
    (accounts.parent / "accounts.json").write_text('["b0f586-im-bot"]')
    (accounts / "b0f586@im.bot.json").write_text('{"token": "t"}')
    (accounts / "b0f586@im.bot.sync.json").write_text('{"get_updates_buf": "buf"}')
    (accounts / "b0f586-im-bot.context-tokens.json").write_text(json.dumps({ALICE: "ct"}))
    async with Store(tmp_path / "base") as store:
        done = await migrate_openclaw(store, tmp_path)
        assert [(one.bot_id, one.windows) for one in done.sessions] == [("b0f586@im.bot", 1)]
        assert (await store.bots.get("b0f586@im.bot")).cursor == "buf"


async def test_openclaw(tmp_path: Path) -> None:
    accounts = tmp_path / ".openclaw" / "openclaw-weixin" / "accounts"
    accounts.mkdir(parents=True)
    index = accounts.parent / "accounts.json"
    async with Store(tmp_path / "base") as store:
        with pytest.raises(WeiLinkError, match=r"accounts\.json"):
            await migrate_openclaw(store, tmp_path / ".openclaw")
        index.write_text(json.dumps(["b0f586@im.bot", "c1-im-bot", "../../etc", 5, "missing"]))
        for name in ("b0f586@im.bot", "c1-im-bot"):
            (accounts / f"{name}.json").write_text(
                json.dumps({"token": "t", "userId": ALICE, "savedAt": "2026-09-01T10:00:00.000Z"})
            )
        (accounts / "b0f586@im.bot.sync.json").write_text('{"get_updates_buf": "buf"}')
        (accounts / "b0f586@im.bot.context-tokens.json").write_text(json.dumps({ALICE: "ct"}))
        done = await migrate_openclaw(store, tmp_path / ".openclaw")
        assert [(s.name, s.bot_id) for s in done.sessions] == [
            ("b0f586", "b0f586@im.bot"),
            ("c1", "c1@im.bot"),
        ]
        assert (await store.bots.get("b0f586@im.bot")).cursor == "buf"
        assert [w.token for w in await store.windows.of_user(ALICE)] == ["ct"]
        assert store.credentials.load()[0].created_at == 1788256800.0
        again = await migrate_openclaw(store, tmp_path / ".openclaw")
        assert [s.outcome for s in again.sessions] == ["known", "known"]
        index.write_text("[]")
        with pytest.raises(WeiLinkError, match="no account"):
            await migrate_openclaw(store, tmp_path / ".openclaw")
        index.write_text("[")
        with pytest.raises(WeiLinkError, match="cannot be read"):
            await migrate_openclaw(store, tmp_path / ".openclaw")
