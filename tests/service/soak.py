"""Everything at once: messages and files both ways, every fault at random, leaders killed with -9.

`python -m tests.service.soak --inbound 10000 --sends 2000 --kills 50` is the long one.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from tests.service.soakjudge import Judge, read_reports
from tests.service.soakphone import People
from tests.service.soakworker import STOP, USERS
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.service.leading import is_led
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.history import Query
from weilink.store.models import Delivery, Direction, PartState

WORKERS = 3
DRAIN = 400.0
TICK = 0.25


@dataclass(frozen=True)
class Plan:
    """How much of everything at least, and for about how long (seconds)."""

    inbound: int
    sends: int
    kills: int
    seconds: float
    seed: int = 1


class Worker:
    """A worker process."""

    def __init__(self, base: Path, name: str, pace: float, env: dict[str, str]) -> None:
        self.name = name
        command = [sys.executable, "-m", "tests.service.soakworker", str(base), name, str(pace)]
        with (base.parent / "worker.log").open("ab") as errors:
            self.process = subprocess.Popen(command, env=env, stderr=errors)

    def kill(self) -> None:
        """End it as the worst of users would."""
        self.process.kill()
        self.process.wait()


def faults(phone: Phone, dice: random.Random) -> None:
    """Let every kind of fault strike every endpoint, now and then, for ever."""

    def strike(path: str, kind: str, value: object, probability: float) -> None:
        phone.lab.fault(
            kind,  # type: ignore[arg-type]
            path,
            value,
            times=None,
            probability=probability,
            seed=dice.randrange(2**31),
        )

    cut = (("status", 502), ("drop", None), ("lost_answer", None), ("half", None), ("delay", 0.3))
    said = (("bad_json", None), ("answer", {"ret": -1, "errmsg": "busy"}))
    struck = ("getupdates", "sendmessage", "getuploadurl", "getconfig", "sendtyping")
    for path in (*struck, "upload", "download"):
        for kind, value in cut + said:
            strike(f"*/{path}", kind, value, 0.02)
    for kind, value in cut + said:
        strike("*/msg/*", kind, value, 0.05)
    # The bot counts as logged out for an hour then, or until another process leads.
    strike("*/getupdates", "answer", {"ret": -14, "errcode": -14}, 0.003)
    for path in ("sendmessage", "getuploadurl"):
        strike(f"*/{path}", "answer", {"ret": -2, "errmsg": "invalid request"}, 0.01)
        strike(f"*/{path}", "answer", {"ret": -14, "errcode": -14}, 0.003)
    strike("*/upload", "status", 403, 0.01)
    strike("*/download", "status", 404, 0.01)
    for kind in ("repeat", "empty_buf"):
        strike("*/getupdates", kind, None, 0.05)


class Soak:
    """One run."""

    def __init__(self, plan: Plan, folder: Path, phone: Phone) -> None:
        self.plan = plan
        self.base = folder / "base"
        self.reports_folder = folder / "reports"
        self.reports_folder.mkdir()
        self.phone = phone
        self.dice = random.Random(plan.seed)
        self.people = People(phone, USERS, self.dice)
        self.workers: list[Worker] = []
        self.started = self.kills = self.expired = 0
        self.hits: list[dict[str, Any]] = []
        self.env = {**os.environ, **phone.environment, "WEILINK_LOG_LEVEL": "WARNING"}

    def prepare(self) -> None:
        """Log a bot in for each user, and let each write once."""
        self.phone.lab.set_options(longpoll_seconds=2.0, upload_full_url=True)
        store = Store(self.base)
        for user in USERS:
            bot = self.phone.lab.new_bot(user)
            store.credentials.save(
                BotSession(user, bot.bot_id, bot.user_id, bot.base_url, bot.token, time.time())
            )
            self.people.write(user, 1)
        self.start()
        for user in USERS:
            self.phone.wait_for(author="user", user=user, acknowledged=True, timeout=30)
        # From here on it is known that the service gives ids, and what it means if it does not.
        for user in USERS:
            self.phone.wait_for(author="bot", user=user, timeout=60)

    def start(self) -> None:
        """Bring the number of workers up to its due."""
        self.workers = [w for w in self.workers if w.process.poll() is None]
        # Half as much again as is wanted: processes that are killed begin anew.
        pace = WORKERS * self.plan.seconds / self.plan.sends / 1.5
        while len(self.workers) < WORKERS:
            self.workers.append(Worker(self.base, f"w{self.started}", pace, self.env))
            self.started += 1

    def run(self) -> None:
        """Write, send and kill until everything has happened."""
        faults(self.phone, self.dice)
        step = self.plan.seconds / max(self.plan.kills, 1)
        began = time.monotonic()
        share = self.plan.inbound / (self.plan.seconds / TICK)
        owed = dict.fromkeys(USERS, 0.0)
        while not self._enough():
            # Not in step with anything: a kill must hit every moment once in a while.
            until = time.monotonic() + self.dice.uniform(0.2, 1.8) * step
            while time.monotonic() < until:
                for user in USERS:
                    owed[user] += share / len(USERS)
                    # Carol writes much, but seldom: her replies run out in between.
                    if owed[user] >= (1 if user != USERS[-1] else 60 * share):
                        self.people.write(user, int(owed[user]))
                        owed[user] -= int(owed[user])
                self._upset()
                select.select([], [], [], TICK)
            if time.monotonic() - began > self.plan.seconds * 3:
                raise AssertionError(f"too slow: {self.kills} kills, {self.people.count()} written")
            self._leader().kill()
            self.kills += 1
            self.start()

    def _enough(self) -> bool:
        return (
            self.kills >= self.plan.kills
            and self.people.count() >= self.plan.inbound
            and len(self.ends()) >= self.plan.sends
        )

    def _upset(self) -> None:
        """Now and then all context tokens of somebody die, with a word or without."""
        if self.dice.random() < 0.02:
            self.phone.lab.set_options(silent_when_expired=self.dice.random() < 0.5)
            self.expired += self.phone.lab.expire_tokens(user=self.dice.choice(USERS))

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
        (self.base.parent / STOP).touch()
        # The last -14 may have been a moment ago.
        self._leader().kill()
        self.start()
        deadline = time.monotonic() + DRAIN

        async def waiting() -> tuple[int, int, int]:
            async with Store(self.base) as store:
                parts = await store.outbox.counts()
                queued = parts.get(PartState.QUEUED, 0) + parts.get(PartState.SENDING, 0)
                unread = await store.inbox.counts()
                found = await store.history.find(Query(direction=Direction.RECEIVED, limit=1))
                open_ = unread.get(Delivery.PENDING, 0) + unread.get(Delivery.CLAIMED, 0)
                return queued, open_, found.total

        while True:
            queued, unread, stored = anyio.run(waiting)
            stopped = {one["worker"] for one in self.reports() if one["op"] == "stopped"}
            busy = [w.name for w in self.workers if w.name not in stopped]
            if not (queued or unread or busy) and stored >= self.people.count():
                return
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{queued} still queued, {unread} unread, {stored} of {self.people.count()} "
                    f"stored, busy: {busy}"
                )
            if queued:
                for user in USERS:
                    self.people.write(user, 1)
            select.select([], [], [], 0.5)

    def reports(self) -> list[dict[str, Any]]:
        """Return what the workers said, each line with the worker's name."""
        return read_reports(self.reports_folder)

    def ends(self) -> list[dict[str, Any]]:
        """Return the reports of sends whose callers learned what became of them."""
        return [one for one in self.reports() if one["op"] == "end"]

    def judge(self) -> dict[str, Any]:
        """End the workers and compare what everybody says; return the numbers."""
        for worker in self.workers:
            worker.kill()
        numbers = Judge(self.base, self.phone, self.people, self.reports()).numbers()
        return numbers | {
            "kills": self.kills,
            "tokens that died": self.expired,
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
    """Run by hand."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inbound", type=int, default=10_000)
    parser.add_argument("--sends", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep everything here")
    given = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        kept = given.pop("folder")
        place = Path(folder) if kept is None else kept
        place.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        print(soak(Plan(**given), place))
        print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
