"""Applying a plan as a whole or not at all, also when the process is killed in the middle.

The new contents are written beside their targets first, under names that the journal lists.
Until the journal says "committed", the next run removes them again; from then on it finishes.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weilink.errors import ConfigFileError, WeiLinkError
from weilink.i18n import t
from weilink.setup.engine import files, manifest
from weilink.setup.engine.document import DocumentError
from weilink.setup.engine.edits import MISSING, at
from weilink.setup.engine.plan import Change, Plan, Run, parse
from weilink.setup.engine.store import Store

_log = logging.getLogger(__name__)
_COMMAND_SECONDS = 60


@dataclass(frozen=True)
class _Step:
    """One file of the journal."""

    target: Path
    # The new content; `None`: the target is removed.
    temporary: Path | None
    before: str | None
    folders: tuple[Path, ...]


def apply(plan: Plan, store: Store) -> None:
    """Do what `plan` says. The caller holds the lock.

    Raises:
        ConfigFileError: a file changed since the plan was made, or cannot be written.
        WeiLinkError: a program that should change a file did not.
    """
    content = store.load()
    if not plan.effective and plan.name in content.installs and _keeps(plan):
        return
    for change in plan.changes:
        if change.backup is not None:
            store.save(change.backup)
    run = uuid.uuid4().hex[:12]
    writes = [change for change in plan.changes if change.effective and not change.run]
    steps = [_step(change, run) for change in writes]
    runs = [(c.snapshot, c.run) for c in plan.changes if c.effective and c.run]
    journal = _Journal(store, steps, runs)
    journal.write(committed=None)
    try:
        for change, step in zip(writes, steps, strict=True):
            _stage(change, step)
        for change in plan.changes:
            _check_unchanged(change.snapshot)
        for snapshot, commands in runs:
            _execute(snapshot, commands, store.held)
        content = _manifest_after(plan, steps, content)
        for change in writes:
            _check_unchanged(change.snapshot)
    except BaseException:
        journal.roll_back()
        store.prune(store.load())
        raise
    emptied = _left_folders(store.load(), content)
    journal.write(committed=content, emptied=emptied)
    _finish(steps, content, emptied, store)


def recover(store: Store) -> bool:
    """Finish or take back what an interrupted run left; tell whether there was something.

    The caller holds the lock.
    """
    try:
        journal = json.loads(store.journal.read_bytes())
    except FileNotFoundError:
        store.prune(store.load())
        return False
    except ValueError:
        # It is written in one step, so this is not ours to understand.
        raise ConfigFileError(
            t("{path}: damaged; remove it and run the command again", path=store.journal)
        ) from None
    steps = [_load_step(step) for step in journal["steps"]]
    if journal["manifest"] is None:
        runs = [_load_run(run) for run in journal["runs"]]
        _Journal(store, steps, runs).roll_back()
        store.prune(store.load())
    else:
        temporary = store.journal.with_name("manifest.next")
        files.write_new(temporary, journal["manifest"].encode(), 0o600)
        content = manifest.load(temporary)
        files.remove(temporary)
        _finish(steps, content, [Path(folder) for folder in journal["emptied"]], store)
    return True


class _Journal:
    def __init__(
        self,
        store: Store,
        steps: Sequence[_Step],
        runs: Sequence[tuple[files.Snapshot, Run]],
    ) -> None:
        self._store = store
        self._steps = steps
        self._runs = runs

    def write(self, *, committed: manifest.Manifest | None, emptied: Sequence[Path] = ()) -> None:
        content = {
            "steps": [_dump_step(step) for step in self._steps],
            "runs": [_dump_run(snapshot, run) for snapshot, run in self._runs],
            "manifest": manifest.dump(committed).decode() if committed is not None else None,
            "emptied": [str(folder) for folder in emptied],
        }
        files.write_private(self._store.journal, json.dumps(content).encode())

    def roll_back(self) -> None:
        for snapshot, run in self._runs:
            _take_back(snapshot, run, self._store.held)
        for step in self._steps:
            if step.temporary is not None:
                files.remove(step.temporary)
            _remove_empty(step.folders)
        files.remove(self._store.journal)


def _keeps(plan: Plan) -> bool:
    return all(change.record is not None for change in plan.changes)


def _step(change: Change, run: str) -> _Step:
    snapshot, target = change.snapshot, change.snapshot.target
    before = files.digest(snapshot.data) if snapshot.data is not None else None
    if change.new is None:
        return _Step(target, None, before, ())
    missing: list[Path] = []
    folder = target.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    temporary = target.with_name(f".{target.name}.weilink-{run}")
    return _Step(target, temporary, before, tuple(reversed(missing)))


def _stage(change: Change, step: _Step) -> None:
    if step.temporary is None or change.new is None:
        return
    try:
        files.make_folders(step.target.parent)
        files.write_new(
            step.temporary,
            change.new,
            change.snapshot.mode,
            change.snapshot.owner,
            like=step.target if change.snapshot.data is not None else None,
        )
    except OSError as error:
        raise ConfigFileError(
            t(
                "{path}: cannot be written ({error}); nothing was changed",
                path=change.snapshot.path,
                error=error.strerror,
            )
        ) from None


def _check_unchanged(snapshot: files.Snapshot) -> None:
    now = files.read(snapshot.path)
    if (now.target, now.data, now.mode) != (snapshot.target, snapshot.data, snapshot.mode):
        raise ConfigFileError(
            t(
                "{path}: changed while setup was running, so nothing was written; run the command"
                " again",
                path=snapshot.path,
            )
        )


def _manifest_after(
    plan: Plan, steps: Sequence[_Step], content: manifest.Manifest
) -> manifest.Manifest:
    made = {step.target: step.folders for step in steps}
    records = []
    for change in plan.changes:
        if change.record is None:
            continue
        record = change.record
        if folders := made.get(change.snapshot.target):
            record = replace(record, folders=folders)
        if change.effective and change.run:
            record = replace(record, after=files.digest(files.read(record.path).data or b""))
        records.append(record)
    return content.having(plan.name, tuple(records))


def _left_folders(old: manifest.Manifest, new: manifest.Manifest) -> list[Path]:
    """Return the folders that we created and no record needs any more."""
    needed = {folder for each in new.installs.values() for r in each for folder in r.folders}
    return [
        folder
        for each in old.installs.values()
        for record in each
        for folder in record.folders
        if folder not in needed
    ]


def _finish(
    steps: Sequence[_Step], content: manifest.Manifest, emptied: Sequence[Path], store: Store
) -> None:
    """Everything is on the disk and agreed: put it in place. Doing it twice does no harm."""
    for step in steps:
        present = files.read(step.target).data
        as_planned = (files.digest(present) if present is not None else None) == step.before
        if step.temporary is None:
            if as_planned:
                files.remove(step.target)
        elif step.temporary.exists():
            if as_planned:
                files.replace(step.temporary, step.target)
            else:
                _log.warning("%s was changed by somebody else and is left as it is", step.target)
                files.remove(step.temporary)
    store.write(content)
    _remove_empty(emptied)
    files.remove(store.journal)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def _execute(snapshot: files.Snapshot, run: Run, held: tuple[int, ...]) -> None:
    for command in run.do:
        problem = _call(command, run, held)
        if problem is not None:
            raise WeiLinkError(
                t(
                    "{command} failed ({problem}); nothing was changed",
                    command=" ".join(command[:-1]),
                    problem=problem,
                )
            )
    if _member(snapshot.path, run) != run.after:
        raise WeiLinkError(
            t(
                "{command} did not change {path} as expected; nothing was changed",
                command=" ".join(run.do[-1][:-1]),
                path=snapshot.path,
            )
        )


def _take_back(snapshot: files.Snapshot, run: Run, held: tuple[int, ...]) -> None:
    try:
        if _member(snapshot.path, run) == run.before:
            return
        for command in run.undo:
            if (problem := _call(command, run, held)) is not None:
                _log.warning("%s: could not be taken back: %s", snapshot.path, problem)
    except (ConfigFileError, DocumentError) as error:
        _log.warning("%s: could not be taken back: %s", snapshot.path, error)


def _member(path: Path, run: Run) -> tuple[object, ...]:
    value = at(parse(files.read(path).text, "json").value, run.member)
    return () if value is MISSING else (value,)


def _call(command: Sequence[str], run: Run, held: tuple[int, ...]) -> str | None:
    """Run a command, which keeps the lock as long as it lives; return what went wrong."""
    try:
        done = subprocess.run(
            command,
            cwd=run.folder,
            env={**os.environ, **run.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_SECONDS,
            check=False,
            pass_fds=held,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
    return said.splitlines()[-1] if said else f"exit code {done.returncode}"


def _dump_step(step: _Step) -> dict[str, Any]:
    return {
        "target": str(step.target),
        "temporary": str(step.temporary) if step.temporary else None,
        "before": step.before,
        "folders": [str(folder) for folder in step.folders],
    }


def _load_step(content: dict[str, Any]) -> _Step:
    return _Step(
        Path(content["target"]),
        Path(content["temporary"]) if content["temporary"] else None,
        content["before"],
        tuple(Path(folder) for folder in content["folders"]),
    )


def _dump_run(snapshot: files.Snapshot, run: Run) -> dict[str, Any]:
    return {
        "path": str(snapshot.path),
        "undo": run.undo,
        "folder": str(run.folder),
        "environment": dict(run.environment),
        "member": run.member,
        "before": run.before,
    }


def _load_run(content: dict[str, Any]) -> tuple[files.Snapshot, Run]:
    path = Path(content["path"])
    undo = tuple(tuple(command) for command in content["undo"])
    return files.Snapshot(path, path, None), Run(
        do=(),
        undo=undo,
        folder=Path(content["folder"]),
        environment=content["environment"],
        member=tuple(content["member"]),
        before=tuple(content["before"]),
        after=(),
    )
