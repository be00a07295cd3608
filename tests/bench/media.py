"""A file of 1 GiB up and down through a sandbox, beside OpenSSL's own AES-128-ECB on its bytes.

The process that sends and fetches is one of its own, so that its memory can be told. Every run
measures, one after the other: OpenSSL's encryption into a new file; the same with the MD5 that
the service wants (what WeiLink does before it sends); the whole send and the whole fetch; and the
same way with plain tools, `openssl enc`, `openssl dgst -md5` and curl. Compared is within a run.
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
from urllib.parse import quote

import anyio

from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.service import Service, open_service
from weilink.service.media import files_of
from weilink.service.parts import FilePart
from weilink.service.spool import Spool
from weilink.settings import load
from weilink.store import Store
from weilink.store.credentials import BotSession
from weilink.store.history import Query
from weilink.store.models import Direction

KEY = "000102030405060708090a0b0c0d0e0f"
COMPARED: dict[str, tuple[str, float | None]] = {
    "take": ("read, encrypted, hashed and written, to OpenSSL's AES", 2.0),
    "up": ("the whole send, to the same with plain tools", 1.5),
    "down": ("the whole fetch, to the same with plain tools", 1.5),
    "up_aes": ("the whole send, to OpenSSL's AES alone", None),
    "down_aes": ("the whole fetch, to OpenSSL's AES alone", None),
}
"""What is compared, and its limit."""
LIMIT_MIB = 40.0
RUNS = 5
NEWEST = Query(direction=Direction.SENT, limit=1)


_TOUCH = """
import mmap, sys
memory = mmap.mmap(-1, int(sys.argv[1]))
for at in range(0, len(memory), mmap.PAGESIZE):
    memory[at] = 1
"""


def settle(size: int) -> None:
    """Give both sides the same ground: nothing left to write to the disk, and memory at hand.

    A virtual machine gives freed memory back to its host, and pays for having it again with up
    to two seconds for each GiB, whoever asks first.
    """
    os.sync()
    subprocess.run([sys.executable, "-c", _TOUCH, str(3 * size)], check=True)


def timed(source: Path, *commands: list[str]) -> float:
    """Return how many seconds the commands take, one after the other, on the bytes of `source`."""
    settle(source.stat().st_size)
    began = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def encrypting(source: Path, target: Path, *more: str) -> list[str]:
    command = ["openssl", "enc", "-aes-128-ecb", "-K", KEY, *more]
    return [*command, "-in", str(source), "-out", str(target)]


def taking(source: Path, spool: Spool) -> float:
    """Return how many seconds it takes to read, encrypt, hash and write a file."""
    settle(source.stat().st_size)
    descriptor = os.open(source, os.O_RDONLY)
    began = time.perf_counter()
    spool.take(descriptor, "bench", 3, 2**40)
    took = time.perf_counter() - began
    os.close(descriptor)
    spool.drop("bench")
    return took


def plain_up(source: Path, target: Path, cdn: str) -> float:
    """Return how many seconds plain tools take to encrypt, hash and upload `source`."""
    # The sandbox takes the whole body before it says that it does not know the upload.
    upload = ["curl", "-sS", "-X", "POST", "-T", str(target), f"{cdn}/upload", "-H", "Expect:"]
    hashed = ["openssl", "dgst", "-md5", str(source)]
    took = timed(source, encrypting(source, target), hashed, upload)
    target.unlink()
    return took


def plain_down(source: Path, target: Path, url: str) -> float:
    """Return how many seconds plain tools take to fetch a file of that size and decrypt it."""
    cipher = target.with_suffix(".cipher")
    fetch = ["curl", "-sS", "--fail", "-o", str(cipher), url]
    # With another key, so without looking at the padding.
    took = timed(source, fetch, encrypting(cipher, target, "-d", "-nopad"))
    cipher.unlink()
    target.unlink()
    return took


def peak_mib() -> float:
    # ru_maxrss of a child begins with what its parent had: VmHWM is of this program alone.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _child(
    base: Path, phone_url: str, source: Path, warm: Path, size_mib: int
) -> dict[str, list[float]]:
    phone = Phone(phone_url)
    settings = load(
        base_path=base,
        ilink_base_url=phone.base_url,
        cdn_base_url=phone.cdn_base_url,
        media_limit_mib=size_mib,
    )
    runs: dict[str, list[float]] = {name: [] for name in COMPARED}
    target = base / "openssl"
    async with open_service(settings) as service, anyio.create_task_group() as tasks:
        tasks.start_soon(service.leader.run)
        while not await service.store.windows.all():
            with anyio.move_on_after(0.1):
                await service.changes.next.wait()
        # Everything is imported and every buffer made by a small file first.
        await _there_and_back(service, phone, warm)
        before = peak_mib()
        for _ in range(RUNS):
            aes = timed(source, encrypting(source, target))
            target.unlink()
            took = taking(source, Spool(base / "bench"))
            up, down, url = await _there_and_back(service, phone, source)
            tools_up = plain_up(source, target, phone.cdn_base_url)
            tools_down = plain_down(source, target, url)
            for name, ratio in zip(
                COMPARED,
                (took / aes, up / tools_up, down / tools_down, up / aes, down / aes),
                strict=True,
            ):
                runs[name].append(ratio)
            print(
                f"  AES alone {aes:.2f} s; taken in {took:.2f} s; sent in {up:.2f} s, with tools "
                f"{tools_up:.2f} s; fetched in {down:.2f} s, with tools {tools_down:.2f} s",
                flush=True,
            )
        tasks.cancel_scope.cancel()
    return runs | {"grown": [peak_mib() - before]}


async def _there_and_back(service: Service, phone: Phone, source: Path) -> tuple[float, float, str]:
    """Send and fetch a file; return the seconds of both, and where the file is."""
    size = (await anyio.Path(source).stat()).st_size
    settle(size)
    began = time.perf_counter()
    result = await service.sender.send(phone.user_id(), [FilePart(source)])
    up = time.perf_counter() - began
    assert [part.state.value for part in result.parts] == ["sent"], result.parts
    (message,) = (await service.store.history.find(NEWEST)).messages
    settle(size)
    began = time.perf_counter()
    got = await service.media.download(message.message_id)
    down = time.perf_counter() - began
    if _digest(got.path) != _digest(source):
        raise RuntimeError("the file came back changed")
    got.path.unlink()
    (file,) = files_of(message)
    reference = quote(file.media.encrypt_query_param, safe="")
    return up, down, f"{phone.cdn_base_url}/download?encrypted_query_param={reference}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha1(usedforsecurity=False)
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def compare(folder: Path, source: Path, warm: Path) -> dict[str, list[float]]:
    """Run the pairs in a process of their own; return the ratios, and the memory it grew by."""
    sandbox = SandboxProcess.start()
    try:
        base, found = folder / "base", folder / "found"
        bot = sandbox.phone.lab.new_bot()
        session = BotSession("b", bot.bot_id, bot.user_id, bot.base_url, bot.token, time.time())
        Store(base).credentials.save(session)
        sandbox.phone.write("hello")
        command = [sys.executable, "-m", "tests.bench.media", "--child", str(base)]
        places = [sandbox.phone.base_url, str(source), str(warm), str(found)]
        subprocess.run([*command, *places], check=True)
        ratios: dict[str, list[float]] = json.loads(found.read_text())
        return ratios
    finally:
        sandbox.stop()


def main() -> int:
    """Run the comparisons; return 1 when one is over its limit."""
    if sys.argv[1:2] == ["--child"]:
        place, url, first, second, result = sys.argv[2:7]
        size_mib = Path(first).stat().st_size // 2**20 + 1
        measured = anyio.run(_child, Path(place), url, Path(first), Path(second), size_mib)
        Path(result).write_text(json.dumps(measured))
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=1024)
    mib = parser.parse_known_args()[0].mib
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, warm = folder / "source", folder / "warm"
        block = os.urandom(1 << 20)
        with source.open("wb") as file:
            for _ in range(mib):
                file.write(block)
        warm.write_bytes(block * 4)
        print(f"{mib} MiB, {RUNS} runs", flush=True)
        found = compare(folder, source, warm)
        good = True
        for name, (words, limit) in COMPARED.items():
            ratio = statistics.median(found[name])
            every = " ".join(f"{one:.2f}" for one in sorted(found[name]))
            limited = f"limit {limit}; " if limit else ""
            print(f"  {words}: median ratio {ratio:.2f} ({limited}{every})")
            good = good and (limit is None or ratio <= limit)
        (grown,) = found["grown"]
        print(f"  memory grew by {grown:.1f} MiB (limit {LIMIT_MIB:.0f})")
        return 0 if good and grown <= LIMIT_MIB else 1


if __name__ == "__main__":
    sys.exit(main())
