from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weilink.store import Store, blocks, history, migrations, search
from weilink.store.history import Query
from weilink.store.models import Delivery, Direction, NewMessage, StoredMessage
from weilink.store.search import CREATE, document, expression, folded

pytestmark = pytest.mark.anyio


def new(n: int, text: str, **changes: object) -> NewMessage:
    values: dict[str, object] = {
        "message_id": str(2**63 + n),
        "user_id": "u@im.wechat",
        "msg_type": "TEXT",
        "text": text,
        "timestamp": 1_700_000_000_000 + n,
        "context_token": "",
        "delivery": Delivery.PENDING,
        "raw": {},
        **changes,
    }
    return NewMessage(**values)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text("abAB 中文你好，。-_%\"*'\x00ßİ\U000f0041é", max_size=8), max_size=12),
    st.text("abAB 中文你好，。-_%\"*'\x00ßİ\U000f0041é", min_size=1, max_size=4),
)
def test_search_is_exact(texts: list[str], wanted: str) -> None:
    db = sqlite3.connect(":memory:")
    db.execute(CREATE)
    for row, text in enumerate(texts, 1):
        db.execute("INSERT INTO search (rowid, text) VALUES (?, ?)", (row, document(text, ())))
    found = db.execute(
        "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid", (expression(wanted, ""),)
    )
    expected = [row for row, text in enumerate(texts, 1) if folded(wanted) in folded(text)]
    assert [row for (row,) in found] == expected


async def test_every_filter_against_a_plain_scan(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many blocks, most of them split by messages that come late.
    monkeypatch.setattr(blocks, "FULL", 16)
    monkeypatch.setattr(blocks, "MOST", 32)
    monkeypatch.setattr(history, "_DEEP", 20)
    dice = random.Random(7)
    words = ["你好", "世界", "Hello", "WORLD", "100%", "a_b", "报告", "我", " "]
    types = ["TEXT", "IMAGE", "FILE"]
    users = ["a@im.wechat", "b@im.wechat", "群成员@im.wechat"]
    for bot in ("one@im.bot", "two@im.bot"):
        batch = [
            new(
                n,
                "".join(dice.choices(words, k=4)),
                user_id=dice.choice(users),
                msg_type=dice.choice(types),
                # Not in the order of arrival, and often the same moment.
                timestamp=1_700_000_000_000 + dice.randrange(40),
            )
            for n in range(150)
        ]
        await store.inbox.commit_batch(bot, "c", batch)
    everything = (await store.history.find(Query(limit=200))).messages
    everything += (await store.history.find(Query(limit=200, offset=200))).messages
    assert len({message.row for message in everything}) == 300
    assert everything == sorted(everything, key=lambda m: (m.timestamp, m.row), reverse=True)

    def matches(query: Query, message: StoredMessage) -> bool:
        return (
            query.user_id in ("", message.user_id)
            and query.bot_id in ("", message.bot_id)
            and query.msg_type in ("", message.msg_type)
            and query.direction in (None, message.direction)
            and (query.since is None or message.timestamp >= query.since)
            and (query.until is None or message.timestamp <= query.until)
            and query.text_contains.lower() in message.text.lower()
        )

    for _ in range(600):
        query = Query(
            user_id=dice.choice(["", "", *users]),
            bot_id=dice.choice(["", "", "one@im.bot"]),
            msg_type=dice.choice(["", "", *types]),
            direction=dice.choice([None, None, Direction.RECEIVED, Direction.SENT]),
            since=dice.choice([None, None, 1_700_000_000_000 + dice.randrange(40)]),
            until=dice.choice([None, None, 1_700_000_000_000 + dice.randrange(40)]),
            text_contains=dice.choice(
                [
                    "",
                    "你",
                    "你好你好世界世界",
                    "hellohellohello",
                    "好世",
                    "hello",
                    "%",
                    "_",
                    "我我",
                    "o w",
                    "界报",
                ]
            ),
            limit=dice.choice([1, 10, 200]),
            offset=dice.choice([0, 0, 7, 40, 150, 299, 1000]),
        )
        expected = [message for message in everything if matches(query, message)]
        page = await store.history.find(query)
        assert page.total == len(expected), query
        assert page.messages == expected[query.offset : query.offset + query.limit], query


async def test_what_no_database_takes_is_stored_all_the_same(store: Store) -> None:
    odd = [
        new(1, "half \ud83d a character"),
        new(2, "nul \x00 inside", timestamp=2**80),
        new(3, "negative", timestamp=-5),
        new(4, "\ud83d\ude00", user_id="lone\udc00", message_id="\ud800"),
        new(5, "json", raw={"n": 2**200, "half": "\ud83d"}),
    ]
    assert await store.inbox.commit_batch("b@im.bot", "c", odd) == 5
    assert await store.inbox.commit_batch("b@im.bot", "c", odd) == 0
    page = await store.history.find(Query())
    assert {m.text for m in page.messages} == {
        "half \ufffd a character", "nul \x00 inside", "negative", "😀", "json",
    }  # fmt: skip
    assert (await store.history.find(Query(text_contains="😀"))).total == 1
    assert (await store.history.get(str(2**63 + 5))).raw["n"] == 2**200  # type: ignore[union-attr]


async def test_many_messages_of_one_millisecond(store: Store) -> None:
    batch = [new(n, str(n), timestamp=1_700_000_000_000) for n in range(4200)]
    with anyio.fail_after(20):
        assert await store.inbox.commit_batch("b@im.bot", "c", batch) == 4200
    page = await store.history.find(Query(limit=200, since=1_700_000_000_000))
    assert page.total == 4200


def old_database(folder: Path, count: int, steps: int) -> sqlite3.Connection:
    """Return a database as an older version, which knew `steps` of the migrations, left it."""
    db = sqlite3.connect(folder / "weilink.db", isolation_level=None)
    everything = list(migrations.MIGRATIONS)
    migrations.MIGRATIONS[:] = everything[:steps]
    try:
        migrations.migrate(db)
    finally:
        migrations.MIGRATIONS[:] = everything
    db.execute("BEGIN")
    for n in range(count):
        db.execute(
            "INSERT INTO messages (bot_id, message_id, user_id, direction, msg_type, text,"
            " timestamp, delivery, raw, stored_at)"
            " VALUES (?, ?, 'u', 'received', 'TEXT', ?, ?, 'pending', '{}', 0)",
            (f"b{n % 2}", str(n), f"{n} 旧消息 old message", 1000 + n // 3),
        )
    if steps > 3:
        for row, timestamp in db.execute("SELECT row, timestamp FROM messages").fetchall():
            place = search.place_of(db, timestamp, row)
            db.execute("UPDATE messages SET place = ? WHERE row = ?", (place, row))
    db.execute("COMMIT")
    return db


LAST = [step.__name__ for step in migrations.MIGRATIONS].index("m013_blocks")


@pytest.mark.parametrize("steps", [1, 4, LAST])
async def test_older_data_becomes_searchable(tmp_path: Path, steps: int) -> None:
    """A database of an older schema is brought up to date without loss."""
    old_database(tmp_path, 50, steps).close()
    async with Store(tmp_path) as store:
        assert (await store.history.find(Query(text_contains="消"))).total == 50
        assert (
            await store.history.find(Query(text_contains="旧消息 old", bot_id="b1"))
        ).total == 25
        page = await store.history.find(Query(user_id="u", since=1016, limit=1))
        assert [m.text for m in page.messages] == ["49 旧消息 old message"]
        assert page.total == 2
        await store.inbox.commit_batch("b0", "c", [new(1, "新消息")])
        assert (await store.history.find(Query(text_contains="消息", bot_id="b0"))).total == 26


def killed_while_upgrading(code: str, folder: Path, at: int) -> bool:
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(at)], check=False)
    return done.returncode == -9


async def test_killed_while_a_database_is_upgraded(tmp_path: Path) -> None:
    """The next process does it from the beginning: no half of it is ever seen."""
    db = old_database(tmp_path, 1200, LAST)
    before = db.execute("SELECT count(*), sum(place) FROM messages").fetchone()
    db.close()
    code = (
        "import os, sys; from pathlib import Path; import anyio\n"
        "from weilink.store import Store, messages\n"
        "left, index = [int(sys.argv[2])], messages.index\n"
        "def killing(*args):\n"
        "    left[0] -= 1\n"
        "    if not left[0]: os.kill(os.getpid(), 9)\n"
        "    index(*args)\n"
        "messages.index = killing\n"
        "async def main():\n"
        "    async with Store(Path(sys.argv[1])): pass\n"
        "anyio.run(main)"
    )
    for at in (2, 1199):
        assert killed_while_upgrading(code, tmp_path, at)
    db = sqlite3.connect(tmp_path / "weilink.db")
    assert db.execute("SELECT count(*), sum(place) FROM messages").fetchone() == before
    assert not db.execute("SELECT 1 FROM migrations WHERE name = 'm013_blocks'").fetchone()
    db.close()
    async with Store(tmp_path) as store:
        assert (await store.history.find(Query(bot_id="b1"))).total == 600
        assert (await store.history.find(Query(text_contains="旧消息"))).total == 1200
    db = sqlite3.connect(tmp_path / "weilink.db")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
