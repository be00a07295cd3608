"""What a program itself puts into its file for us, after setup wrote it, on our request.

Setup cannot plan it, because the program decides what it is; but it is noted, so that undo takes
it out, or restores the file to the byte when it is all that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from weilink.setup.engine import files
from weilink.setup.engine.document import Path as DocumentPath
from weilink.setup.engine.edits import MISSING, Edit, Member, at
from weilink.setup.engine.manifest import Manifest, Record
from weilink.setup.engine.plan import parse
from weilink.setup.engine.store import Store


def granting(
    name: str,
    path: Path,
    members: Sequence[DocumentPath],
    store: Store,
    act: Callable[[], None],
) -> None:
    """Let `act` make the program put `members` into `path`. The caller holds the lock.

    They are noted before, so that a run which is killed in between leaves nothing unknown.
    """
    content = store.load()
    if not members or name not in content.installs:
        act()
        return
    snapshot = files.read(path)
    record = _record(content, name, path)
    if record is None:
        # Setup itself has nothing in it.
        record = _untouched(snapshot, store)
        content = content.having(name, (*content.installs[name], record))
    value = parse(snapshot.text, record.format).value
    texts = [tuple(str(part) for part in member) for member in members]
    noted = [Member(member, None, granted=True) for member in texts]
    edits: list[Edit] = [edit for edit in record.edits if edit.path not in texts]
    # Above the members, the program makes tables that are not there.
    created = {
        member[:depth]
        for member in texts
        for depth in range(1, len(member))
        if at(value, member[:depth]) is MISSING
    }
    record = replace(
        record,
        edits=(*edits, *noted),
        created=(*record.created, *sorted(created - set(record.created), key=len)),
    )
    store.write(_with(content, name, record))
    act()
    ours = files.digest(snapshot.data or b"") == record.after
    now = files.read(path).data
    if ours and now is not None:
        record = replace(record, after=files.digest(now))
        store.write(_with(content, name, record))


def _untouched(snapshot: files.Snapshot, store: Store) -> Record:
    data = snapshot.data
    if data is not None:
        store.save(data)
    return Record(
        path=snapshot.path,
        before=None if data is None else files.digest(data),
        after=files.digest(data or b""),
        created=((),) if data is None else (),
        format="toml",
    )


def _record(content: Manifest, name: str, path: Path) -> Record | None:
    records = content.installs.get(name, ())
    return next((record for record in records if record.path == path), None)


def _with(content: Manifest, name: str, record: Record) -> Manifest:
    records = content.installs[name]
    return content.having(
        name, tuple(record if each.path == record.path else each for each in records)
    )
