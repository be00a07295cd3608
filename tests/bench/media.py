"""A file of 1 GiB up and down through a sandbox, beside OpenSSL's own AES-128-ECB on its bytes.

The process that sends and fetches is one of its own, so that its memory can be told.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio

from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.service import Service, open_service
from weilink.service.parts import FilePart
from weilink.service.spool import Spool
from weilink.settings import load
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.history import Query
from weilink.store.models import Direction

KEY = "000102030405060708090a0b0c0d0e0f"
LIMIT_RATIO = 2.0
LIMIT_MIB = 40.0
RUNS = 3
NEWEST = Query(direction=Direction.SENT, limit=1)


def openssl(source: Path, target: Path, *more: str) -> float:
    command = ["openssl", "enc", "-aes-128-ecb", "-K", KEY, "-in", str(source), "-out", str(target)]
    began = time.perf_counter()
    subprocess.run([*command, *more], check=True)
    return time.perf_counter() - began


def ours(source: Path, spool: Spool) -> float:
    descriptor = os.open(source, os.O_RDONLY)
    began = time.perf_counter()
    spool.take(descriptor, "bench", 3)
    took = time.perf_counter() - began
    os.close(descriptor)
    return took


def peak_mib() -> float:
    # ru_maxrss of a child begins with what its parent had: VmHWM is of this program alone.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _child(
    base: Path, phone_url: str, source: Path, warm: Path, size_mib: int
) -> dict[str, float]:
    phone = Phone(phone_url)
    settings = load(
        base_path=base,
        ilink_base_url=phone.base_url,
        cdn_base_url=phone.cdn_base_url,
        media_limit_mib=size_mib,
    )
    async with open_service(settings) as service, anyio.create_task_group() as tasks:
        tasks.start_soon(service.leader.run)
        while not await service.store.windows.all():
            with anyio.move_on_after(0.1):
                await service.changes.next.wait()
        # Everything is imported and every buffer made by a small file first.
        await _there_and_back(service, phone, warm)
        before = peak_mib()
        up, down = await _there_and_back(service, phone, source)
        tasks.cancel_scope.cancel()
    return {"up": up, "down": down, "grown": peak_mib() - before}


async def _there_and_back(service: Service, phone: Phone, source: Path) -> tuple[float, float]:
    began = time.perf_counter()
    result = await service.sender.send(phone.user_id(), [FilePart(source)])
    up = time.perf_counter() - began
    assert [part.state.value for part in result.parts] == ["sent"], result.parts
    (message,) = (await service.store.history.find(NEWEST)).messages
    began = time.perf_counter()
    got = await service.media.download(message.message_id)
    down = time.perf_counter() - began
    if _digest(got.path) != _digest(source):
        raise RuntimeError("the file came back changed")
    got.path.unlink()
    return up, down


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha1(usedforsecurity=False)
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def round_trip(folder: Path, source: Path, warm: Path) -> dict[str, float]:
    sandbox = SandboxProcess.start()
    try:
        base = folder / "base"
        bot = sandbox.phone.lab.new_bot()
        session = BotSession("b", bot.bot_id, bot.user_id, bot.base_url, bot.token, time.time())
        Store(base).credentials.save(session)
        sandbox.phone.write("hello")
        command = [sys.executable, "-m", "tests.bench.media", "--child", str(base)]
        done = subprocess.run(
            [*command, sandbox.phone.base_url, str(source), str(warm)],
            stdout=subprocess.PIPE,
            check=True,
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found
    finally:
        sandbox.stop()


def main() -> int:
    """Run the comparisons; return 1 when one is over its limit."""
    if sys.argv[1:2] == ["--child"]:
        place, url, first, second = sys.argv[2:6]
        size_mib = Path(first).stat().st_size // 2**20 + 1
        found = anyio.run(_child, Path(place), url, Path(first), Path(second), size_mib)
        print(json.dumps(found))
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=1024)
    mib = parser.parse_known_args()[0].mib
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target, warm = folder / "source", folder / "target", folder / "warm"
        block = os.urandom(1 << 20)
        with source.open("wb") as file:
            for _ in range(mib):
                file.write(block)
        warm.write_bytes(block * 4)
        theirs, mine = [], []
        spool = Spool(folder)
        for _ in range(RUNS):
            theirs.append(openssl(source, target))
            mine.append(ours(source, spool))
        target.unlink()
        spool.drop("bench")
        beside = statistics.median(theirs)
        encrypt = statistics.median(mine)
        print(f"{mib} MiB: openssl enc -aes-128-ecb {beside:.2f} s")
        print(f"  taken, encrypted and hashed {encrypt:.2f} s  ratio {encrypt / beside:.2f}")
        trip = round_trip(folder, source, warm)
        up, down, grown = trip["up"], trip["down"], trip["grown"]
        print(f"  sent, upload to the sandbox included {up:.2f} s  ratio {up / beside:.2f}")
        print(f"  fetched and decrypted {down:.2f} s  ratio {down / beside:.2f}")
        print(f"  memory grew by {grown:.1f} MiB (limit {LIMIT_MIB:.0f})")
        good = encrypt <= LIMIT_RATIO * beside and grown <= LIMIT_MIB
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
