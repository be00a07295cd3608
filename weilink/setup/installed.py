"""What is installed, from the notes of earlier runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from weilink import agents
from weilink.agents import hooks
from weilink.setup.engine.edits import GroupItem, Member
from weilink.setup.engine.manifest import Record
from weilink.setup.engine.store import Store
from weilink.setup.install import Choice


def choices(store: Store) -> Iterator[tuple[Choice, Path]]:
    """Return what the user chose for each installation, and the folder it is for."""
    for name, records in store.load().installs.items():
        title, scope, place = name.split(":", 2)
        if title not in agents.ALL or scope not in ("user", "project", "local"):
            continue
        agent = agents.ALL[title]
        folder = Path(place)
        if scope == "project" and title in ("cursor", "vscode"):
            folder = folder.parent
        values = [e.value for r in records for e in r.edits if isinstance(e, Member) and e.value]
        http = any(isinstance(value, dict) and "url" in value for value in values)
        yield (
            Choice(
                agent=agent,
                scope="user" if scope == "user" else "project" if scope == "project" else "local",
                transport="http" if http else "stdio",
                hooks=_groups(title, (*agent.hooks, *agent.more_hooks), records),
                uninstall=False,
            ),
            folder,
        )


def _groups(agent: str, offered: tuple[str, ...], records: tuple[Record, ...]) -> tuple[str, ...]:
    present = {
        (edit.path[-1], hooks.ending(edit.own))
        for record in records
        for edit in record.edits
        if isinstance(edit, GroupItem)
    }
    if not present:
        return ()
    groups = hooks.groups(f"{agent}/hooks.json", "")
    # One hook of a group shows that it was chosen: a newer WeiLink may want more in it.
    return tuple(
        group
        for group in offered
        if not groups[group]
        or any(
            (event, hooks.command_of(entry)) in present for event, entry in groups[group].items()
        )
    )
