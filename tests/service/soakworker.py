"""What an agent's server does, in a process that the soak kills: sends, reads, downloads.

Everything is written to the report before it is begun and after it is done, so that the judge
knows what a killed process was at.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from weilink.errors import WeiLinkError
from weilink.service import Service, open_service
from weilink.service.leading import lead_when_possible
from weilink.service.parts import AnyPart, FilePart, ImagePart, TextPart, VideoPart, VoicePart
from weilink.settings import load

USERS = ("alice", "bob", "carol")
STOP = "stop"
"""A file beside the reports: begin nothing new, but go on leading and reading."""
_HEADS = {
    "file": b"<%s>",
    "image": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR<%s>",
    "video": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom<%s>",
    "voice": b"\x02#!SILK_V3\x20\x00<%s>",
}
_KINDS = {"file": FilePart, "image": ImagePart, "video": VideoPart, "voice": VoicePart}

Log = Callable[..., None]


def content(kind: str, label: str) -> bytes:
    """Return the bytes of the file of this name: from one block of the cipher to thousands."""
    text = label.encode()
    size = random.Random(label).choice([0, 1, 15, 16, 17, 1000, 70_000])
    head = _HEADS[kind] % text
    if kind == "voice":
        return head.ljust(12 + 32, b"-") + b"\xff\xff"
    return head + (text * size)[:size]


def parts_of(label: str, folder: Path) -> list[tuple[str, AnyPart]]:
    """Return what the send of this name holds: kind and part."""
    dice = random.Random(label)
    chosen = dice.choices(
        [["text"], ["file"], ["image"], ["video"], ["voice"], ["text", "file"]],
        [70, 9, 8, 3, 3, 7],
    )[0]
    made: list[tuple[str, AnyPart]] = []
    for kind in chosen:
        if kind == "text":
            made.append((kind, TextPart(label)))
            continue
        path = folder / f"{label}.{kind}"
        path.write_bytes(content(kind, label))
        made.append((kind, _KINDS[kind](path)))
    return made


async def _send(service: Service, name: str, pace: float, log: Log, stop: Path) -> None:
    users = [f"{user}@im.wechat" for user in USERS]
    n = 0
    with tempfile.TemporaryDirectory() as folder:
        while not await anyio.Path(stop).exists():
            label = f"{name}-{n}"
            made = parts_of(label, Path(folder))
            kinds = [kind for kind, _ in made]
            log("begin", label=label, kinds=kinds)
            try:
                result = await service.sender.send(users[n % len(users)], [p for _, p in made])
                states = [part.state.value for part in result.parts]
                rows = [part.row for part in result.parts]
                log("end", label=label, kinds=kinds, states=states, rows=rows)
            except Exception as error:  # noqa: BLE001  (told to the judge)
                log("error", label=label, what=repr(error))
            n += 1
            # The pace of a person's agents; a kill must find sends and quiet moments.
            await anyio.sleep(random.uniform(0, 2 * pace))
    log("stopped")


async def _read(service: Service, name: str, log: Log) -> None:
    """Take messages as an agent does, and fetch their files."""
    while True:
        claim = await service.claims.receive(f"mcp:{name}", 5)
        if claim is None:
            continue
        if not await service.claims.acknowledge(claim.id):
            continue
        log("read", ids=[message.message_id for message in claim.messages])
        for message in claim.messages:
            if message.msg_type != "TEXT" and random.random() < 0.3:
                await _download(service, message.message_id, log)


async def _download(service: Service, message_id: str, log: Log) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = await service.media.download(message_id, Path(folder))
            digest = hashlib.sha256(done.path.read_bytes()).hexdigest()
            log("download", id=message_id, sha256=digest)
        except WeiLinkError as error:
            log("download", id=message_id, failed=str(error))


async def work(base: Path, name: str, pace: float) -> None:
    """Take part until killed."""
    settings = load(base_path=base)
    reports = base.parent / "reports"
    with (reports / f"{name}.jsonl").open("a") as out:

        def log(op: str, **values: Any) -> None:
            # One write for each line: half a line is what a kill in the middle leaves.
            os.write(out.fileno(), (json.dumps({"op": op, **values}) + "\n").encode())

        async with open_service(settings) as service, anyio.create_task_group() as tasks:
            tasks.start_soon(service.changes.run)
            tasks.start_soon(lead_when_possible, base, service.leader.run)
            while len(await service.store.windows.all()) < len(USERS):
                with anyio.move_on_after(0.5):
                    await service.changes.next.wait()
            tasks.start_soon(_read, service, name, log)
            await _send(service, name, pace, log, base.parent / STOP)
            await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(work, Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
