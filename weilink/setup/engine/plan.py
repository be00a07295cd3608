"""What a run would do to each file, computed before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.setup.engine import files
from weilink.setup.engine.document import Document, DocumentError
from weilink.setup.engine.document import Path as DocumentPath
from weilink.setup.engine.edits import (
    MISSING,
    Edit,
    GroupItem,
    Member,
    NotOursError,
    at,
    install,
    strip,
)
from weilink.setup.engine.jsontext import JsonText
from weilink.setup.engine.manifest import Record, Writer
from weilink.setup.engine.store import Store

_EMPTY_OBJECT = re.compile(r"(?:\r?\n)?^[ \t]*\{\s*\}", re.MULTILINE)


@dataclass(frozen=True)
class WantedEdits:
    """Edits that one file should have."""

    path: Path
    edits: tuple[Edit, ...]
    reasons: tuple[str, ...]
    format: str = "json"
    # For a single `Member`: the program that should make the edit.
    writer: Writer | None = None
    # Whether what the program itself put in for us stays; without edits only that is wanted.
    keeps_granted: bool = False


@dataclass(frozen=True)
class WantedFile:
    """A file that should have this content. An older one of ours contains one of `marks`."""

    path: Path
    content: bytes
    reasons: tuple[str, ...]
    marks: tuple[str, ...] = ()


Wanted = WantedEdits | WantedFile


@dataclass(frozen=True)
class Run:
    """Commands that change a file, and those that change it back."""

    do: tuple[tuple[str, ...], ...]
    undo: tuple[tuple[str, ...], ...]
    folder: Path
    environment: Mapping[str, str]
    # To see whether they did: this member of the file has the value afterwards.
    member: tuple[str, ...]
    before: tuple[object, ...]
    after: tuple[object, ...]


@dataclass(frozen=True)
class Change:
    """What happens to one file."""

    snapshot: files.Snapshot
    # `None`: the file goes.
    new: bytes | None
    reasons: tuple[str, ...]
    # What the manifest says about it afterwards, and the content that undo needs for that.
    record: Record | None = None
    backup: bytes | None = None
    # Commands that do it; `new` is then what they are expected to do.
    run: Run | None = None

    @property
    def effective(self) -> bool:
        """Whether the file changes."""
        return self.new != self.snapshot.data


@dataclass(frozen=True)
class Plan:
    """What happens to all files of one installation."""

    name: str
    changes: tuple[Change, ...]
    # What a person should know although nothing can be done about it.
    remarks: tuple[str, ...] = field(default=())

    @property
    def effective(self) -> bool:
        """Whether any file changes."""
        return any(change.effective for change in self.changes)


def parse(text: str, format_: str) -> Document:
    """Parse a text in one of the formats that the engine edits."""
    if format_ == "toml":
        # Imported here: tomlkit takes as long as all the rest.
        from weilink.setup.engine.tomltext import TomlText

        return TomlText(text)
    return JsonText(text, comments=format_ == "jsonc")


def plan_install(name: str, wanted: Iterable[Wanted], store: Store) -> Plan:
    """Return what brings all files to what is wanted, and takes out what is not any more.

    Raises:
        ConfigFileError: a file cannot be edited as it is.
        WeiLinkError: something of somebody else has our name.
    """
    manifest = store.load()
    records = {record.path: record for record in manifest.installs.get(name, ())}
    changes: list[Change] = []
    for want in wanted:
        record = records.pop(want.path, None)
        if isinstance(want, WantedEdits) and not want.edits and record is None:
            continue
        snapshot = files.read(want.path)
        if isinstance(want, WantedFile):
            shared = [r for r in manifest.others(name) if r.path == want.path]
            changes.append(_whole(want, snapshot, record or (shared[0] if shared else None)))
        else:
            changes.append(_edited(want, snapshot, record, manifest.others(name), store))
    remarks: list[str] = []
    for record in records.values():
        changes.append(_undo(record, manifest.others(name), store, remarks))
    return _checked(name, changes, remarks)


def plan_uninstall(name: str, store: Store) -> Plan:
    """Return what takes an installation out again, from the manifest alone.

    Raises:
        ConfigFileError: a file that was changed since cannot be edited as it is.
    """
    manifest = store.load()
    remarks: list[str] = []
    changes = [
        _undo(record, manifest.others(name), store, remarks)
        for record in manifest.installs.get(name, ())
    ]
    return _checked(name, changes, remarks)


def _checked(name: str, changes: Sequence[Change], remarks: Sequence[str]) -> Plan:
    told = list(remarks)
    for change in changes:
        if change.effective:
            files.check_writable(change.snapshot)
            if change.snapshot.links > 1:
                told.append(
                    t(
                        "{path} has {count} names (hard links); the others keep the old content",
                        path=change.snapshot.path,
                        count=change.snapshot.links,
                    )
                )
    return Plan(name, tuple(changes), tuple(told))


def _whole(want: WantedFile, snapshot: files.Snapshot, record: Record | None) -> Change:
    present = snapshot.data
    known = record is not None and present is not None and files.digest(present) == record.after
    if present is None or present == want.content or known:
        before = record.before if record else None
        after = files.digest(want.content)
        folders = record.folders if record else ()
        new = Record(want.path, before, after, folders=folders, format="whole")
        return Change(snapshot, want.content, want.reasons, new)
    text = present.decode("utf-8", "replace")
    if not any(mark in text for mark in want.marks):
        raise WeiLinkError(
            t(
                "{path}: is there already and not from WeiLink; move it away and run the command"
                " again (nothing was written)",
                path=want.path,
            )
        )
    new = Record(want.path, files.digest(present), files.digest(want.content), format="whole")
    return Change(snapshot, want.content, want.reasons, new, backup=present)


def _edited(
    want: WantedEdits,
    snapshot: files.Snapshot,
    record: Record | None,
    others: Sequence[Record],
    store: Store,
) -> Change:
    try:
        document = parse(snapshot.text, want.format)
        baseline, inherited = _baseline(document, snapshot, record, want, store)
        created: list[DocumentPath] = list(inherited)
        # Who goes last takes out what another of our installations made.
        created += [path for other in others if other.path == want.path for path in other.created]
        granted: tuple[Edit, ...] = ()
        for edit in record.edits if record else ():
            if isinstance(edit, Member) and edit.granted and want.keeps_granted:
                granted += (edit,)
            elif not any(_same_place(edit, wanted) for wanted in want.edits):
                document = strip(document, edit, created)
        before = document
        for edit in want.edits:
            document, new_containers = install(document, edit)
            created += new_containers
    except NotOursError as error:
        raise WeiLinkError(
            t(
                "{path}, line {line}: {name} is there already and not from WeiLink; rename or"
                " remove it and run the command again (nothing was written)",
                path=want.path,
                line=error.line,
                name=error,
            )
        ) from None
    except DocumentError as error:
        raise files.invalid(want.path, error) from None
    same = snapshot.data is not None and document.text == snapshot.text
    unneeded = snapshot.data is None and not want.edits
    new = snapshot.data if same or unneeded else snapshot.encode(document.text)
    run = None
    # A program that cannot read its own empty file cannot write it.
    if want.writer and new != snapshot.data and (snapshot.data is None or before.value is not None):
        run = _writing(want, before)
    return Change(
        snapshot,
        new,
        want.reasons,
        Record(
            path=want.path,
            before=files.digest(baseline) if baseline is not None else None,
            after=files.digest(new or b""),
            edits=want.edits + granted,
            created=tuple(dict.fromkeys(created)),
            folders=record.folders if record else (),
            format=want.format,
            writer=want.writer,
        ),
        backup=baseline,
        run=run,
    )


def _baseline(
    document: Document,
    snapshot: files.Snapshot,
    record: Record | None,
    want: WantedEdits,
    store: Store,
) -> tuple[bytes | None, tuple[DocumentPath, ...]]:
    """Return what undo should restore, and the containers created by earlier runs."""
    if snapshot.data is None:
        return None, ()
    if record is not None and files.digest(snapshot.data) == record.after:
        return (store.backup(record.before) if record.before else None), record.created
    # Ours stand in it although nobody knows, or somebody else changed the file since: it would
    # then be as it is now, but without them.
    if record is not None:
        edits, created = record.edits, record.created
    else:
        edits = tuple(edit for edit in want.edits if edit.find(document.value))
        created = tuple(edit.path[:n] for edit in edits for n in range(len(edit.path) + 1))
    for edit in edits:
        document = strip(document, edit, list(created))
    if not document.value and () in created:
        left = _without_object(document.text)
        return (snapshot.encode(left) if left.strip() else None), created
    return snapshot.encode(document.text), created


def _without_object(text: str) -> str:
    """Return a text with nothing but an empty object in it without that: comments are left."""
    return _EMPTY_OBJECT.sub("", text, count=1)


def _same_place(one: Edit, other: Edit) -> bool:
    if isinstance(one, GroupItem) and isinstance(other, GroupItem) and one.ending != other.ending:
        return False
    return type(one) is type(other) and one.path == other.path


def _writing(want: WantedEdits, document: Document) -> Run:
    edit, writer = want.edits[0], want.writer
    assert writer is not None and isinstance(edit, Member)  # noqa: S101  (our own callers)
    present = at(document.value, edit.path)
    do, undo = (writer.adding(edit.value),), (writer.remove,)
    if present is MISSING:
        return Run(do, undo, writer.folder, writer.environment, edit.path, (), (edit.value,))
    # The program refuses to replace.
    return Run(
        (writer.remove, *do),
        (*undo, writer.adding(present)),
        writer.folder,
        writer.environment,
        edit.path,
        (present,),
        (edit.value,),
    )


def _undo(record: Record, others: Sequence[Record], store: Store, remarks: list[str]) -> Change:
    snapshot = files.read(record.path)
    data = snapshot.data
    reasons = (t("take out what setup put in"),)
    if data is None:
        return Change(snapshot, None, ())
    if not record.edits and any(other.path == record.path for other in others):
        return Change(snapshot, data, ())
    if files.digest(data) == record.after:
        restored = store.backup(record.before) if record.before else None
        return Change(snapshot, restored, reasons)
    if not record.edits:
        remarks.append(t("{path} stays, because you changed it", path=record.path))
        return Change(snapshot, data, ())
    try:
        original = document = parse(snapshot.text, record.format)
        for edit in record.edits:
            document = strip(document, edit, list(record.created))
    except DocumentError as error:
        raise files.invalid(record.path, error) from None
    if document.text == original.text:
        return Change(snapshot, data, ())
    new = snapshot.encode(document.text)
    left = _without_object(document.text)
    if not document.value and () in record.created and left.strip():
        # There were only comments.
        return Change(snapshot, snapshot.encode(left), reasons)
    if not document.value and () in record.created:
        # There was no file, or nothing in it.
        before = store.backup(record.before) if record.before else None
        blank = before is not None and not before.removeprefix(files.BOM).strip()
        return Change(snapshot, before if blank else None, reasons)
    return Change(snapshot, new, reasons, run=_removing(record, original))


def _removing(record: Record, document: Document) -> Run | None:
    edit, writer = record.edits[0], record.writer
    if writer is None or not isinstance(edit, Member) or not Path(writer.remove[0]).is_file():
        return None
    present = at(document.value, edit.path)
    return Run(
        (writer.remove,),
        (writer.adding(present),),
        writer.folder,
        writer.environment,
        edit.path,
        (present,),
        (),
    )
