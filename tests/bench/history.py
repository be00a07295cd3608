"""`history` over a million messages, half of them Chinese, beside the same query with LIKE.

Also what the index costs: time per insert and size, beside the same table without it.
"""

from __future__ import annotations

import argparse
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from weilink.store import history, messages
from weilink.store.history import Query
from weilink.store.migrations import migrate
from weilink.store.models import Delivery, Direction

LIMIT_MS = 50.0
RUNS = 7
FIRST = 1_700_000_000_000
USERS = [f"user-{n}@im.wechat" for n in range(200)]
TYPES = ["TEXT"] * 16 + ["IMAGE", "VOICE", "FILE", "VIDEO"]
ENGLISH = re.findall(
    r"\w+",
    "the build is green again please look at this report when you have time deploy failed on "
    "staging because of migration rollback and retry tests pass locally server restarted cache "
    "invoice meeting tomorrow budget review branch merge conflict resolved release notes",
)


def texts(dice: random.Random) -> Callable[[int], str]:
    """Chinese by the frequencies of characters: a few make up most of a text."""
    characters = [chr(0x4E00 + n) for n in range(3000)]
    weights = [1 / (n + 5) for n in range(3000)]

    def text(n: int) -> str:
        if n % 2:
            return "".join(dice.choices(characters, weights, k=dice.randint(5, 60)))
        return " ".join(dice.choices(ENGLISH, k=dice.randint(3, 20)))

    return text


def fill(db: sqlite3.Connection, count: int, insert: Callable[..., object]) -> float:
    dice = random.Random(1)
    text = texts(dice)
    began = time.perf_counter()
    db.execute("BEGIN")
    for n in range(count):
        content = text(n)
        insert(
            db,
            bot_id=f"bot-{n % 3}@im.bot",
            message_id=str(2**63 + n),
            user_id=USERS[int(dice.paretovariate(1)) % 200],
            direction=Direction.SENT if n % 3 == 0 else Direction.RECEIVED,
            msg_type=dice.choice(TYPES),
            text=content,
            timestamp=FIRST + n * 30_000 + dice.randint(-60_000, 60_000),
            delivery=Delivery.NONE,
            raw={"item_list": [{"type": 1, "text_item": {"text": content}}]},
        )
    db.execute("COMMIT")
    return time.perf_counter() - began


def plain(db: sqlite3.Connection, **values: object) -> None:
    """The row alone, with an index for time: the least that a history needs."""
    import json

    raw = json.dumps(values["raw"], ensure_ascii=False)
    values |= {"raw": raw, "direction": str(values["direction"]), "delivery": "none"}
    marks = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO messages ({', '.join(values)}) VALUES ({marks})", values)


def like(db: sqlite3.Connection, query: Query) -> int:
    """The same query without our index."""
    conditions, values = ["1"], []
    for condition, value in (
        ("user_id = ?", query.user_id),
        ("msg_type = ?", query.msg_type),
        ("direction = ?", query.direction.value if query.direction else ""),
        ("timestamp >= ?", query.since),
        ("timestamp <= ?", query.until),
        ("text LIKE ?", f"%{query.text_contains}%" if query.text_contains else ""),
    ):
        if value not in ("", None):
            conditions.append(condition)
            values.append(value)
    where = " AND ".join(conditions)
    (total,) = db.execute(f"SELECT count(*) FROM messages WHERE {where}", values).fetchone()
    db.execute(
        f"SELECT * FROM messages WHERE {where} ORDER BY timestamp DESC LIMIT 50",
        values,
    ).fetchall()
    return int(total)


def milliseconds(work: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main() -> int:
    """Run the comparisons; return 1 when one is over its limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=1_000_000)
    count = parser.parse_known_args()[0].messages
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weilink.db"
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        migrate(db)
        ours = fill(db, count, messages.insert)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        bare = sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)
        bare.execute(
            "CREATE TABLE messages (bot_id, message_id, user_id, direction, msg_type, text,"
            " timestamp, delivery, raw)"
        )
        bare.execute("CREATE INDEX t ON messages (timestamp)")
        theirs = fill(bare, count, plain)
        size, other = path.stat().st_size, (Path(folder) / "plain.db").stat().st_size
        print(f"{count} messages: {ours / count * 1e6:.0f} us and {size / count:.0f} bytes each,")
        print(f"  without any index {theirs / count * 1e6:.0f} us and {other / count:.0f} bytes;")
        print(f"  ratio {ours / theirs:.1f} and {size / other:.1f}")
        return 0 if all(queries(db, path, count)) else 1


def queries(db: sqlite3.Connection, path: Path, count: int) -> list[bool]:
    common, rare = chr(0x4E00), chr(0x4E00 + 2500)
    middle = FIRST + count * 15_000
    some = db.execute("SELECT text FROM messages WHERE row = ?", (count // 2 + 1,)).fetchone()[0]
    chosen = {
        "nothing": Query(),
        "two characters, common": Query(text_contains=common * 2),
        "two characters, usual": Query(text_contains=chr(0x4E00 + 30) + chr(0x4E00 + 12)),
        "two characters, rare": Query(text_contains=rare + common),
        "two characters, none": Query(text_contains=chr(0x9FA0) * 2),
        "two characters and user": Query(text_contains=common * 2, user_id=USERS[1]),
        "two characters since the middle": Query(text_contains=common * 2, since=middle),
        "one character, common": Query(text_contains=common),
        "one character, rare": Query(text_contains=rare),
        "whole text": Query(text_contains=some),
        "an English word": Query(text_contains="Invoice"),
        "two English words": Query(text_contains="merge conflict"),
        "user with many": Query(user_id=USERS[1]),
        "user with few": Query(user_id=USERS[190]),
        "type": Query(msg_type="VIDEO"),
        "type of most": Query(msg_type="TEXT"),
        "direction": Query(direction=Direction.SENT),
        "bot": Query(bot_id="bot-1@im.bot"),
        "since": Query(since=middle),
        "since and until": Query(since=middle, until=middle + 86_400_000),
        "user, type, direction, since": Query(
            user_id=USERS[1], msg_type="TEXT", direction=Direction.SENT, since=middle
        ),
        "page 100": Query(offset=5000),
    }
    good = []
    for name, query in chosen.items():
        ours = milliseconds(lambda query=query: history._find(db, query), RUNS)  # type: ignore[misc]
        beside = milliseconds(lambda query=query: like(db, query), 1)  # type: ignore[misc]
        total = history._find(db, query).total
        good.append(ours <= LIMIT_MS)
        print(
            f"{name:<34} {ours:8.2f} ms  beside LIKE {beside:8.1f} ms  ratio {beside / ours:8.1f}x"
            f"  {total:8} found  {'ok' if good[-1] else f'OVER {LIMIT_MS:.0f} ms'}",
            flush=True,
        )
    return good


if __name__ == "__main__":
    sys.exit(main())
