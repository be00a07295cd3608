"""Everything at once: messages both ways, every fault at random, leaders killed with -9.

`python -m tests.service.soak --inbound 10000 --sends 2000 --kills 50` is the long one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.service import open_service
from weilink.service.leading import is_led, lead_when_possible
from weilink.settings import load
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.history import Query
from weilink.store.models import Direction, PartState, StoredMessage

WORKERS = 3
USERS = ("alice", "bob", "carol")
DRAIN = 150.0
TICK = 0.25


@dataclass(frozen=True)
class Plan:
    """How much of everything, and for how long at most (seconds)."""

    inbound: int
    sends: int
    kills: int
    seconds: float
    seed: int = 1


# -- the worker: what an agent's server does, in a process that will be killed -------------------


async def _work(base: Path, name: str, count: int, log: Path) -> None:
    settings = load(base_path=base)
    async with open_service(settings) as service, anyio.create_task_group() as tasks:
        tasks.start_soon(service.changes.run)
        tasks.start_soon(lead_when_possible, base, service.leader.run)
        users = [f"{user}@im.wechat" for user in USERS]
        while len(await service.store.windows.all()) < len(users):
            with anyio.move_on_after(0.5):
                await service.changes.next.wait()
        with log.open("a") as out:
            for n in range(count):
                text = f"{name}-{n}"
                try:
                    result = await service.sender.send_text(users[n % len(users)], text)
                    state = result.parts[0].state.value
                except Exception as error:  # noqa: BLE001  (told to the judge)
                    state = f"error: {error!r}"
                out.write(json.dumps([text, state]) + "\n")
                out.flush()
        await anyio.sleep_forever()


class Worker:
    """A worker process; `log` holds what it reported."""

    def __init__(self, base: Path, name: str, count: int, env: dict[str, str]) -> None:
        self.log = base.parent / "reports" / f"{name}.jsonl"
        command = [sys.executable, "-m", "tests.service.soak", "--work", str(base), name]
        with (base.parent / "worker.log").open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, str(count), str(self.log)], env=env, stderr=errors
            )

    def kill(self) -> None:
        """End it as the worst of users would."""
        self.process.kill()
        self.process.wait()


# -- the judge ---------------------------------------------------------------------------------


def faults(phone: Phone, dice: random.Random) -> None:
    """Let every kind of fault strike every endpoint, now and then, for ever."""
    for path in ("*/getupdates", "*/sendmessage"):
        for kind, value in (
            ("status", 502),
            ("drop", None),
            ("lost_answer", None),
            ("half", None),
            ("bad_json", None),
            ("delay", 0.3),
            ("answer", {"ret": -1, "errmsg": "busy"}),
        ):
            phone.lab.fault(
                kind,  # type: ignore[arg-type]
                path,
                value,
                times=None,
                probability=0.03,
                seed=dice.randrange(2**31),
            )
    for kind in ("repeat", "empty_buf"):
        phone.lab.fault(
            kind,  # type: ignore[arg-type]
            "*/getupdates",
            times=None,
            probability=0.05,
            seed=dice.randrange(2**31),
        )


class Soak:
    """One run."""

    def __init__(self, plan: Plan, folder: Path, phone: Phone) -> None:
        self.plan = plan
        self.base = folder / "base"
        (folder / "reports").mkdir()
        self.phone = phone
        self.dice = random.Random(plan.seed)
        self.written: dict[str, list[str]] = {user: [] for user in USERS}
        self.workers: list[Worker] = []
        self.started = 0
        self.kills = 0
        self.hits: list[dict[str, Any]] = []
        self.env = {**os.environ, **phone.environment, "WEILINK_LOG_LEVEL": "WARNING"}

    def prepare(self) -> None:
        """Log a bot in for each user, and let each write once."""
        self.phone.lab.set_options(longpoll_seconds=2.0)
        store = Store(self.base)
        for user in USERS:
            bot = self.phone.lab.new_bot(user)
            store.credentials.save(
                BotSession(user, bot.bot_id, bot.user_id, bot.base_url, bot.token, time.time())
            )
            self.write(user, 1)
        self.start()
        for user in USERS:
            self.phone.wait_for(author="user", user=user, acknowledged=True, timeout=30)

    def write(self, user: str, count: int) -> None:
        """Let a user write."""
        if not count:
            return
        texts = [f"{user} {len(self.written[user]) + n} 消息" for n in range(count)]
        for message in self.phone.write_all(texts, user=user):
            self.written[user].append(message.message_id)

    def start(self) -> None:
        """Bring the number of workers up to its due."""
        self.workers = [w for w in self.workers if w.process.poll() is None]
        while len(self.workers) < WORKERS:
            share = max(self.plan.sends // (self.plan.kills + WORKERS) + 1, 3)
            self.workers.append(Worker(self.base, f"w{self.started}", share, self.env))
            self.started += 1

    def run(self) -> None:
        """Write, send and kill until everything has happened."""
        faults(self.phone, self.dice)
        step = self.plan.seconds / max(self.plan.kills, 1)
        began = time.monotonic()
        # Small and often, as people write: each message opens a window for ten replies.
        ticks = max(int(self.plan.seconds / TICK), 1)
        share = self.plan.inbound / ticks / len(USERS)
        owed = 0.0
        while self.kills < self.plan.kills:
            # Not in step with anything: a kill must hit every moment once in a while.
            until = time.monotonic() + self.dice.uniform(0.2, 1.8) * step
            while time.monotonic() < until:
                owed += share
                for user in USERS:
                    self.write(user, max(int(owed), 0))
                owed -= int(owed)
                select.select([], [], [], TICK)
            if time.monotonic() - began > self.plan.seconds * 2:
                break
            self._leader().kill()
            self.kills += 1
            self.start()
        left = self.plan.inbound - sum(map(len, self.written.values()))
        for user in USERS:
            self.write(user, max(left // len(USERS), 1))

    def _leader(self) -> Worker:
        """Return the worker that leads, as far as the lock tells; else any."""
        path = self.base / "run" / "leader.lock"
        if is_led(self.base) and path.exists():
            inode = f":{path.stat().st_ino} "
            for line in Path("/proc/locks").read_text().splitlines():
                if inode in line:
                    for worker in self.workers:
                        if f" {worker.process.pid} " in line:
                            return worker
        return self.dice.choice(self.workers)

    def drain(self) -> None:
        """Let what is left go out: no more faults, and fresh windows."""
        self.phone.lab.clear_faults()
        deadline = time.monotonic() + DRAIN

        async def waiting() -> tuple[int, int]:
            async with Store(self.base) as store:
                counts = await store.outbox.counts()
                queued = counts.get(PartState.QUEUED, 0) + counts.get(PartState.SENDING, 0)
                return queued, (await store.history.find(Query(direction=Direction.RECEIVED))).total

        while True:
            queued, stored = anyio.run(waiting)
            reports = sum(1 for _ in self.reports())
            expected = sum(map(len, self.written.values()))
            if queued == 0 and stored >= expected and reports >= self._due_reports():
                return
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{queued} still queued, {stored} of {expected} stored, {reports} reports"
                )
            if queued:
                for user in USERS:
                    self.write(user, 1)
            select.select([], [], [], 0.5)

    def _due_reports(self) -> int:
        share = max(self.plan.sends // (self.plan.kills + WORKERS) + 1, 3)
        return sum(share for worker in self.workers if worker.process.poll() is None)

    def reports(self) -> list[tuple[str, str]]:
        """Return what the workers said of their sends."""
        found = []
        for path in sorted((self.base.parent / "reports").glob("*.jsonl")):
            for line in path.read_text().splitlines():
                found.append(tuple(json.loads(line)))
        return found

    def judge(self) -> dict[str, Any]:
        """Compare what the phone, the store and the workers say; return the numbers."""
        for worker in self.workers:
            worker.kill()

        async def everything() -> list[StoredMessage]:
            found: list[StoredMessage] = []
            async with Store(self.base) as store:
                while True:
                    page = await store.history.find(Query(limit=200, offset=len(found)))
                    found += page.messages
                    if len(found) >= page.total:
                        return sorted(found, key=lambda message: message.row)

        stored = anyio.run(everything)
        for user in USERS:
            received = [
                m.message_id
                for m in stored
                if m.direction is Direction.RECEIVED and m.user_id == self.phone.user_id(user)
            ]
            # Each once, and in the order in which they were written.
            assert received == self.written[user], user
        reports = self.reports()
        errors = [state for _, state in reports if state.startswith("error")]
        assert errors == [], errors[:3]
        seen: Counter[str] = Counter()
        for user in USERS:
            texts = [m.text for m in self.phone.chat(author="bot", user=user)]
            seen.update(texts)
            sent = [
                m.text
                for m in stored
                if m.direction is Direction.SENT and m.user_id == self.phone.user_id(user)
            ]
            assert texts == sent, f"{user}: the phone and the store differ"
            for name in {text.partition("-")[0] for text in texts}:
                numbers = [int(t.partition("-")[2]) for t in texts if t.startswith(f"{name}-")]
                assert numbers == sorted(numbers), f"{user}: {name} out of order"
        assert [text for text, times in seen.items() if times > 1] == []
        reported_sent = [text for text, state in reports if state == "sent"]
        assert [text for text in reported_sent if text not in seen] == []
        states = Counter(state for _, state in reports)
        return {
            "inbound": sum(map(len, self.written.values())),
            "seen on the phone": len(seen),
            "reported": dict(states),
            "kills": self.kills,
            "fault hits": sum(rule["hits"] for rule in self.hits),
        }


def soak(plan: Plan, folder: Path) -> dict[str, Any]:
    """Run the plan in `folder`; return its numbers.

    Raises:
        AssertionError: something was lost, doubled, out of order or wrongly reported.
    """
    sandbox = SandboxProcess.start()
    run = Soak(plan, folder, sandbox.phone)
    try:
        run.prepare()
        run.run()
        run.hits = sandbox.phone.lab.faults()
        run.drain()
        return run.judge()
    finally:
        for worker in run.workers:
            worker.kill()
        sandbox.stop()


def main() -> None:
    """Run by hand, or as a worker."""
    if sys.argv[1:2] == ["--work"]:
        base, name, count, log = sys.argv[2:6]
        anyio.run(_work, Path(base), name, int(count), Path(log))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--inbound", type=int, default=10_000)
    parser.add_argument("--sends", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        print(soak(Plan(**vars(given)), Path(folder)))
        print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
