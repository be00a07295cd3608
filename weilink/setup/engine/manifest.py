"""The memory of what was put where: what undo works from, also years later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from weilink.errors import ConfigFileError
from weilink.i18n import t
from weilink.setup.engine import document
from weilink.setup.engine.edits import Edit, GroupItem, Member

VERSION = 1


@dataclass(frozen=True)
class Writer:
    """The commands of a program that keeps a file itself; `{value}` stands for the JSON."""

    add: tuple[str, ...]
    remove: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def adding(self, value: object) -> tuple[str, ...]:
        """Return the command that puts `value` in."""
        dumped = json.dumps(value, ensure_ascii=False)
        return tuple(dumped if part == "{value}" else part for part in self.add)


@dataclass(frozen=True)
class Record:
    """What was done to one file."""

    path: Path
    # Names of contents: what undo restores (`None`: there was no file), and what we left.
    before: str | None
    after: str
    # Without edits the whole file is ours.
    edits: tuple[Edit, ...] = ()
    created: tuple[document.Path, ...] = ()
    folders: tuple[Path, ...] = ()
    format: str = "json"
    writer: Writer | None = None


@dataclass(frozen=True)
class Manifest:
    """All records, by the name of the installation they belong to."""

    installs: Mapping[str, tuple[Record, ...]] = field(default_factory=dict)

    def others(self, name: str) -> list[Record]:
        """Return the records of all installations but one."""
        return [record for key, each in self.installs.items() if key != name for record in each]

    def having(self, name: str, records: tuple[Record, ...]) -> Manifest:
        """Return a manifest in which `name` has these records; none removes it."""
        installs = {key: each for key, each in self.installs.items() if key != name}
        return replace(self, installs=installs | ({name: records} if records else {}))

    @property
    def backups(self) -> set[str]:
        """The names of the contents that undo may need."""
        return {r.before for each in self.installs.values() for r in each if r.before is not None}


def dump(manifest: Manifest) -> bytes:
    """Return the manifest as the bytes of its file."""
    content = {
        "version": VERSION,
        "installs": {
            name: [_dump_record(record) for record in records]
            for name, records in manifest.installs.items()
        },
    }
    return json.dumps(content, indent=2).encode()


def load(path: Path) -> Manifest:
    """Return the manifest in the file `path`, an empty one when there is none.

    Raises:
        ConfigFileError: it is damaged or of a newer version.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["version"] != VERSION:
            raise ConfigFileError(
                t("{path}: written by a newer WeiLink; upgrade this one", path=path)
            )
        return Manifest(
            {
                name: tuple(_load_record(record) for record in records)
                for name, records in content["installs"].items()
            }
        )
    except FileNotFoundError:
        return Manifest()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigFileError(
            t(
                "{path}: damaged ({error}); take WeiLink's entries out by hand and remove this"
                " file",
                path=path,
                error=error,
            )
        ) from None


def _dump_record(record: Record) -> dict[str, Any]:
    content: dict[str, Any] = {
        "path": str(record.path),
        "before": record.before,
        "after": record.after,
        "format": record.format,
        "edits": [_dump_edit(edit) for edit in record.edits],
        "created": [list(path) for path in record.created],
        "folders": [str(folder) for folder in record.folders],
    }
    if record.writer:
        content["writer"] = {
            "add": list(record.writer.add),
            "remove": list(record.writer.remove),
            "folder": str(record.writer.folder),
            "environment": dict(record.writer.environment),
        }
    return content


def _load_record(content: dict[str, Any]) -> Record:
    return Record(
        path=Path(content["path"]),
        before=content["before"],
        after=content["after"],
        edits=tuple(_load_edit(edit) for edit in content["edits"]),
        created=tuple(tuple(path) for path in content["created"]),
        folders=tuple(Path(folder) for folder in content["folders"]),
        format=content["format"],
        writer=_load_writer(content["writer"]) if "writer" in content else None,
    )


def _load_writer(content: dict[str, Any]) -> Writer:
    return Writer(
        tuple(content["add"]),
        tuple(content["remove"]),
        Path(content["folder"]),
        content["environment"],
    )


def _dump_edit(edit: Edit) -> dict[str, Any]:
    if isinstance(edit, Member):
        return {
            "kind": "member",
            "path": list(edit.path),
            "value": edit.value,
            "marks": list(edit.marks),
            "owned": list(edit.owned),
            "granted": edit.granted,
        }
    return {
        "kind": "group item",
        "path": list(edit.path),
        "value": edit.value,
        "inner": edit.inner,
        "own": edit.own,
        "marks": list(edit.marks),
        "place": edit.place,
        "ending": edit.ending,
        "endings": list(edit.endings),
    }


def _load_edit(content: dict[str, Any]) -> Edit:
    path = tuple(content["path"])
    if content["kind"] == "member":
        owned = tuple(content.get("owned", ()))
        granted = bool(content.get("granted"))
        return Member(path, content["value"], tuple(content["marks"]), owned, granted)
    return GroupItem(
        path,
        content["value"],
        content["inner"],
        content["own"],
        tuple(content["marks"]),
        content["place"],
        content["ending"],
        tuple(content["endings"]),
    )
