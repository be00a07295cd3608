"""What the soak compares in the end: the phone, the store and what the workers reported."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import anyio

from tests.service.soakphone import People
from tests.service.soakworker import content
from weilink.errors import WeiLinkError
from weilink.sandbox.phone import Phone
from weilink.sandbox.records import ChatMessage
from weilink.service import open_service
from weilink.settings import load
from weilink.store import Store
from weilink.store.history import Query
from weilink.store.models import Direction, StoredMessage

_LABEL = re.compile(rb"<(w\d+-\d+)>")


def read_reports(folder: Path) -> list[dict[str, Any]]:
    """Return what the workers said, each line with the worker's name."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            found.append({"worker": path.stem, **json.loads(line)})
    return found


class Judge:
    """Raises AssertionError at the first thing that is not as it was told."""

    def __init__(
        self, base: Path, phone: Phone, people: People, reports: list[dict[str, Any]]
    ) -> None:
        self.base = base
        self.phone = phone
        self.people = people
        self.reports = reports
        self.ends = [one for one in reports if one["op"] == "end"]

    def numbers(self) -> dict[str, Any]:
        """Compare, and return how much of everything there was."""
        stored = anyio.run(self._stored)
        files = anyio.run(self._files)
        self._judge_received(stored, files)
        reports = self.reports
        errors = [one["what"] for one in reports if one["op"] == "error"]
        assert errors == [], errors[:3]
        reads = Counter(i for one in reports if one["op"] == "read" for i in one["ids"])
        assert [i for i, times in reads.items() if times > 1] == []
        seen = self._judge_phone(stored)
        states: Counter[str] = Counter()
        final = anyio.run(self._outcomes)
        for one in self.ends:
            for kind, state, row in zip(one["kinds"], one["states"], one["rows"], strict=True):
                states[state] += 1
                key = (one["label"], kind)
                # What was reported as queued has gone out or failed since, and the store knows.
                now = final[row] if state == "queued" else state
                assert now in ("sent", "failed"), (key, state, now)
                assert seen[key] == (now == "sent"), (key, state, now, seen[key])
        wrong = [one for one in reports if one["op"] == "download" and "failed" in one]
        digests = {w.message_id: w.sha256 for all_ in self.people.written.values() for w in all_}
        good = [one for one in reports if one["op"] == "download" and "sha256" in one]
        assert [one for one in good if digests[one["id"]] != one["sha256"]] == []
        begun = sum(one["op"] == "begin" for one in reports)
        return {
            "inbound": self.people.count(),
            "inbound files": len(files),
            "sends begun": begun,
            "sends accounted for": len(self.ends),
            "killed in the middle": begun - len(self.ends),
            "parts reported": dict(states),
            "parts seen": sum(seen.values()),
            "kinds seen": dict(Counter(kind for _, kind in seen)),
            "downloads": len(good),
            "downloads that failed": len(wrong),
            "read": len(reads),
        }

    def _judge_received(self, stored: list[StoredMessage], files: dict[str, str]) -> None:
        for user in self.people.written:
            mine = [
                m
                for m in stored
                if m.direction is Direction.RECEIVED and m.user_id == self.phone.user_id(user)
            ]
            written = self.people.written[user]
            # Each once, and in the order in which they were written.
            assert [m.message_id for m in mine] == [w.message_id for w in written], user
            for message, one in zip(mine, written, strict=True):
                assert message.text == one.text
                assert message.group_id == one.group_id
                assert (message.quote.text if message.quote else "") == one.quoted, one
                assert (message.quote.part if message.quote else "") == one.part, one
                if one.sha256:
                    assert files[one.message_id] == one.sha256, one

    def _judge_phone(self, stored: list[StoredMessage]) -> Counter[tuple[str, str]]:
        seen: Counter[tuple[str, str]] = Counter()
        for user in self.people.written:
            chat = self.phone.chat(author="bot", user=user)
            keys = [self._key(one) for one in chat]
            seen.update(keys)
            sent = [
                m.message_id
                for m in stored
                if m.direction is Direction.SENT and m.user_id == self.phone.user_id(user)
            ]
            assert [one.message_id for one in chat] == sent, f"{user}: phone and store differ"
            for name in {label.partition("-")[0] for label, _ in keys}:
                mine = [key for key in keys if key[0].startswith(f"{name}-")]
                order = [(int(label.partition("-")[2]), kind != "text") for label, kind in mine]
                assert order == sorted(order), f"{user}: {name} out of order"
        assert [key for key, times in seen.items() if times > 1] == []
        return seen

    def _key(self, message: ChatMessage) -> tuple[str, str]:
        if message.kind == "text":
            return message.text, "text"
        data = self.phone.content(message)
        found = _LABEL.search(data)
        assert found, message
        label = found[1].decode()
        assert data == content(message.kind, label), f"{label} is damaged"
        return label, message.kind

    async def _stored(self) -> list[StoredMessage]:
        found: list[StoredMessage] = []
        async with Store(self.base) as store:
            while True:
                page = await store.history.find(Query(limit=200, offset=len(found)))
                found += page.messages
                if len(found) >= page.total:
                    return sorted(found, key=lambda message: message.row)

    async def _outcomes(self) -> dict[int, str]:
        rows = [row for one in self.ends for row in one["rows"]]
        async with Store(self.base) as store:
            return {part.row: part.state.value for part in await store.outbox.get(rows)}

    async def _files(self) -> dict[str, str]:
        """Fetch every file once more: all must be whole."""
        found = {}
        environment = {
            "ilink_base_url": self.phone.base_url,
            "cdn_base_url": self.phone.cdn_base_url,
        }
        async with open_service(load(base_path=self.base, **environment)) as service:
            for one in (w for all_ in self.people.written.values() for w in all_ if w.sha256):
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        done = await service.media.download(one.message_id, Path(folder))
                    except WeiLinkError as error:
                        raise AssertionError(f"{one}: {error}") from error
                    data = await anyio.Path(done.path).read_bytes()
                    found[one.message_id] = hashlib.sha256(data).hexdigest()
        return found
