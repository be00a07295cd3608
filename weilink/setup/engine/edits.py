"""What an edit puts into a document, and how it is found and taken out again.

An edit is data, so that the manifest can hold it and undo it years later, without the program
that asked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from weilink.setup.engine.document import Document, DocumentError, Path

# What `at` returns for a place that is not there.
MISSING: Any = object()
AnyDocument = TypeVar("AnyDocument", bound=Document)


class NotOursError(DocumentError):
    """The place of an edit is taken by something that somebody else put there."""


@dataclass(frozen=True)
class Member:
    """One key of an object, with everything below it.

    `marks` are texts of which one stands somewhere in a value that may be replaced: what an
    older version of ourselves wrote. Of a present object only the keys `owned` are then changed,
    all when there are none: what the user or the program put beside them stays.
    """

    path: tuple[str, ...]
    value: object
    marks: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    # Put in by the program itself after setup: never installed, but taken out with the rest.
    granted: bool = False

    def find(self, value: object) -> list[Path]:
        """Return where this edit stands in a document with the content `value`."""
        present = at(value, self.path)
        if present is MISSING:
            return []
        return [self.path] if self.granted or self.beside(present) == present else []

    def beside(self, present: object) -> object:
        """Return the value as it should be where `present` stands."""
        if not self.owned or not isinstance(present, dict) or not isinstance(self.value, Mapping):
            return self.value
        kept = {key: item for key, item in present.items() if key not in self.owned}
        return {**kept, **self.value}


@dataclass(frozen=True)
class GroupItem:
    """One group in a list of groups, whose items are a list under the key `inner`.

    An item is ours when the text `own` is one of its values, and from an older version of
    ourselves when one of them contains one of `marks`. Other people may put items into our group
    and we may find ours in theirs.
    """

    path: tuple[str, ...]
    value: Mapping[str, Any]
    inner: str
    own: str
    marks: tuple[str, ...]
    # A part of `own` that stays when a user edits it, to find it then; "" for none.
    place: str = ""
    # What tells our items for other purposes in the same list: the end of the text.
    ending: str = ""
    endings: tuple[str, ...] = ()

    def find(self, value: object, *, older: bool = False) -> list[Path]:
        """Return where our items stand; with `older` those of older versions too."""
        sure = self._find(value, lambda text: text == self.own)
        if older:
            return self._find(value, self._older) or sure
        if sure or not self.place:
            return sure
        return self._find(value, lambda text: self.place in text and self._same_end(text))

    def _older(self, text: str) -> bool:
        return any(mark in text for mark in self.marks) and self._same_end(text)

    def _same_end(self, text: str) -> bool:
        if self.ending:
            return text.endswith(self.ending)
        return not text.endswith(self.endings)

    def _find(self, value: object, known: Callable[[str], bool]) -> list[Path]:
        found: list[Path] = []
        groups = at(value, self.path)
        for group_index, group in enumerate(groups if isinstance(groups, list) else []):
            items = group.get(self.inner) if isinstance(group, dict) else None
            for index, item in enumerate(items if isinstance(items, list) else []):
                if any(map(known, _texts(item))):
                    found.append((*self.path, group_index, self.inner, index))
        return found


Edit = Member | GroupItem


def at(value: object, path: Path) -> Any:
    """Return what stands at `path` in plain values, or `MISSING`."""
    for part in path:
        in_object = isinstance(value, dict) and part in value
        if not in_object and not (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        ):
            return MISSING
        value = value[part]  # type: ignore[index]
    return value


def install(document: AnyDocument, edit: Edit) -> tuple[AnyDocument, list[Path]]:
    """Return the document with the edit in it, and the containers that had to be created.

    Raises:
        NotOursError: a `Member` of somebody else has the name.
        DocumentError: the document has another shape than the edit needs.
    """
    _check_shape(document, edit)
    if isinstance(edit, Member):
        return _install_member(document, edit)
    return _install_group_item(document, edit)


def strip(document: AnyDocument, edit: Edit, created: list[Path]) -> AnyDocument:
    """Return the document without the edit, and without containers of `created` empty by now.

    What a user changed around our values stays. A member whose value the user changed is ours
    still: it has our name.
    """
    if isinstance(edit, Member):
        if at(document.value, edit.path) is not MISSING:
            document = _delete(document, edit.path)
    else:
        for path in reversed(edit.find(document.value)):
            document = _drop_item(document, edit, path)
    for path in sorted(created, key=len, reverse=True):
        if path and at(document.value, path) in ({}, []):
            document = _delete(document, path)
    return document


def _install_member(document: AnyDocument, edit: Member) -> tuple[AnyDocument, list[Path]]:
    present = at(document.value, edit.path)
    if present is not MISSING and present == edit.beside(present):
        return document, []
    if present is not MISSING and not any(
        mark in text for mark in edit.marks for text in _texts(present)
    ):
        error = document.error(edit.path, "")
        raise NotOursError(f"'{'.'.join(edit.path)}'", error.line, error.column)
    if isinstance(present, dict) and isinstance(edit.value, Mapping) and edit.owned:
        return _change_owned(document, edit, present), []
    return _create(document, edit.path, edit.value)


def _change_owned(document: AnyDocument, edit: Member, present: dict[str, Any]) -> AnyDocument:
    assert isinstance(edit.value, Mapping)  # noqa: S101  (the caller)
    for key in edit.owned:
        if key in present and key not in edit.value:
            document = _delete(document, (*edit.path, key))
    for key, value in edit.value.items():
        if key not in present or present[key] != value:
            document = _set(document, (*edit.path, key), value)
    return document


def _install_group_item(document: AnyDocument, edit: GroupItem) -> tuple[AnyDocument, list[Path]]:
    found = edit.find(document.value, older=True)
    for duplicate in reversed(found[1:]):
        document = _drop_item(document, edit, duplicate)
    if not found:
        groups = at(document.value, edit.path)
        if groups is MISSING:
            return _create(document, edit.path, [dict(edit.value)])
        return _set(document, (*edit.path, len(groups)), dict(edit.value)), []
    group_path, item_path = found[0][:-2], found[0]
    if len(at(document.value, group_path)[edit.inner]) == 1:
        # The group is ours alone.
        if at(document.value, group_path) != edit.value:
            document = _set(document, group_path, dict(edit.value))
    elif at(document.value, item_path) != (item := edit.value[edit.inner][0]):
        document = _set(document, item_path, item)
    return document, []


def _drop_item(document: AnyDocument, edit: GroupItem, path: Path) -> AnyDocument:
    group = at(document.value, path[:-2])
    return _delete(document, path[:-2] if len(group[edit.inner]) == 1 else path)


def _check_shape(document: Document, edit: Edit) -> None:
    value: object = document.value
    if value is None:
        return
    for depth in range(len(edit.path) + isinstance(edit, GroupItem)):
        value = at(document.value, edit.path[:depth])
        if value is MISSING:
            return
        wanted = list if depth == len(edit.path) else dict
        if not isinstance(value, wanted):
            name = f"'{'.'.join(edit.path[:depth])}'" if depth else "the document"
            kind = "a list" if wanted is list else "an object"
            raise document.error(edit.path[:depth], f"{name} has to be {kind}")


def _create(
    document: AnyDocument, path: tuple[str, ...], value: object
) -> tuple[AnyDocument, list[Path]]:
    """Set `path` and what is missing above it in one go, which formats better."""
    depth = len(path)
    while depth > 1 and at(document.value, path[: depth - 1]) is MISSING:
        depth -= 1
    created: list[Path] = [path[:end] for end in range(depth, len(path))]
    if document.value is None:
        created.append(())
    if isinstance(value, list):
        created.append(path)
    for key in reversed(path[depth:]):
        value = {key: value}
    return _set(document, path[:depth], value), created


def _set(document: AnyDocument, path: Path, value: object) -> AnyDocument:
    return document.set(path, value)  # type: ignore[return-value]  # typing.Self needs Python 3.11


def _delete(document: AnyDocument, path: Path) -> AnyDocument:
    return document.delete(path)  # type: ignore[return-value]


def _texts(value: object) -> list[str]:
    """Return every text in `value`, keys left out."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return []
