"""`history` over a million messages, half of them Chinese, beside the same query with LIKE.

Also what the index costs: time per insert and size, beside the same table without it.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
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
        ("bot_id = ?", query.bot_id),
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


def milliseconds(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the medians of the time on the wall and of the processor's, which load hurts less."""
    walls, busy = [], []
    for _ in range(runs):
        began, used = time.perf_counter(), time.process_time()
        work()
        walls.append((time.perf_counter() - began) * 1000)
        busy.append((time.process_time() - used) * 1000)
    return statistics.median(walls), statistics.median(busy)


def main() -> int:
    """Run the comparisons; return 1 when one is over its limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--database", type=Path, help="one that an earlier run has filled")
    given = parser.parse_known_args()[0]
    count = given.messages
    if given.database:
        db = sqlite3.connect(given.database, isolation_level=None)
        migrate(db)
        return 0 if all(queries(db, given.database, count)) else 1
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


def texts_to_find(db: sqlite3.Connection, count: int) -> dict[str, str]:
    """Search texts from the rarest to what is in half of all messages."""
    common, rare = chr(0x4E00), chr(0x4E00 + 2500)
    (some,) = db.execute("SELECT text FROM messages WHERE row = ?", (count // 2 + 1,)).fetchone()
    return {
        "two characters, common": common * 2,
        "two characters, usual": chr(0x4E00 + 30) + chr(0x4E00 + 12),
        "two characters, rare": rare + common,
        "two characters, none": chr(0x9FA0) * 2,
        "one character, common": common,
        "one character, rare": rare,
        "one letter, in half of all": "E",
        "two letters, in a third": "in",
        "an English word": "Invoice",
        "two English words": "merge conflict",
        "three English words": "time deploy failed",
        "whole text": some,
    }


def queries(db: sqlite3.Connection, path: Path, count: int) -> list[bool]:
    """Every filter alone, every pair of filters, all of them, each at the first and a deep page."""
    middle, late = FIRST + count * 15_000, FIRST + count * 22_500
    filters: dict[str, dict[str, object]] = {
        "user": {"user_id": USERS[1]},
        "bot": {"bot_id": "bot-1@im.bot"},
        "type": {"msg_type": "TEXT"},
        "direction": {"direction": Direction.RECEIVED},
        "since": {"since": middle},
        "until": {"until": late},
    }
    rest: dict[str, dict[str, object]] = {
        "user with few": {"user_id": USERS[190]},
        "type of few": {"msg_type": "VIDEO"},
        "since, of a day": {"since": FIRST + count * 30_000 - 86_400_000},
        "since the beginning": {"since": FIRST},
        "since and until, one day": {"since": middle, "until": middle + 86_400_000},
        "nobody": {"user_id": "nobody"},
    }
    chosen: dict[str, dict[str, object]] = {"nothing": {}, **filters, **rest}
    for one, other in itertools.combinations(filters, 2):
        chosen[f"{one}, {other}"] = filters[one] | filters[other]
    together: dict[str, object] = {
        key: value for one in filters.values() for key, value in one.items()
    }
    chosen["all of them"] = together
    words = texts_to_find(db, count)
    for name, text in words.items():
        chosen[name] = {"text_contains": text}
    for name in ("two characters, common", "one letter, in half of all", "an English word"):
        for other, values in filters.items():
            chosen[f"{name}, {other}"] = {"text_contains": words[name]} | values
        chosen[f"{name}, all"] = {"text_contains": words[name]} | together
    good: list[bool] = []
    slowest = busiest = 0.0
    for name, values in chosen.items():
        query = Query(**values)  # type: ignore[arg-type]
        total = history._find(db, query).total
        deep = dataclasses.replace(query, offset=max(total // 2 - 25, 0))
        ours, used = milliseconds(lambda query=query: history._find(db, query), RUNS)  # type: ignore[misc]
        below, more = milliseconds(lambda deep=deep: history._find(db, deep), RUNS)  # type: ignore[misc]
        beside, _ = milliseconds(lambda query=query: like(db, query), 1)  # type: ignore[misc]
        slowest, busiest = max(slowest, ours, below), max(busiest, used, more)
        good.append(max(ours, below) <= LIMIT_MS)
        print(
            f"{name:<38} {ours:6.1f} ms (cpu {used:5.1f}), deep {below:6.1f} (cpu {more:5.1f})"
            f"  beside LIKE {beside:7.1f} ms"
            f"  ratio {beside / max(ours, 0.01):7.1f}x {total:8} found"
            f"  {'ok' if good[-1] else f'OVER {LIMIT_MS:.0f} ms'}",
            flush=True,
        )
    load = f", load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" * (os.name != "nt")
    print(f"{len(good)} queries, the slowest {slowest:.1f} ms, cpu {busiest:.1f} ms{load}")
    return good


if __name__ == "__main__":
    sys.exit(main())
