"""What a run of setup says: for people on a terminal, and as JSON for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from weilink.i18n import t
from weilink.setup.engine.diff import unified
from weilink.setup.engine.plan import Change, Plan
from weilink.setup.install import Job
from weilink.setup.trust import Outcome

# A file that is all ours need not push the edits of others' files off the screen.
_OWN_FILE_LINES = 12
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


class _Console(Console):
    """A console whose closed end (`| head`) does not stop what the user agreed to."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def make_console() -> Console:
    """Return the console for everything below."""
    return _Console(highlight=False, soft_wrap=True)


def as_json(job: Job, plan: Plan, trust: Outcome | None, *, dry_run: bool) -> dict[str, Any]:
    """Return the object that `--json` prints (docs/setup.md describes it)."""
    choice = job.choice
    program = job.program
    return {
        "agent": choice.agent.name,
        "scope": choice.scope,
        "action": "uninstall" if choice.uninstall else "install",
        "dry_run": dry_run,
        "changed": plan.effective and not dry_run,
        "program": {"path": str(program.path), "version": program.version} if program else None,
        "files": [
            {
                "path": str(change.snapshot.path),
                "change": _kind(change),
                "reasons": list(change.reasons),
                "commands": [list(command) for command in change.run.do] if change.run else [],
                "diff": "\n".join(unified(change)),
            }
            for change in plan.changes
        ],
        "trust": asdict(trust) if trust else None,
        "remarks": list(plan.remarks),
        "next": [] if choice.uninstall else choice.agent.next_steps(job.request),
    }


def show_plan(
    console: Console, job: Job, plan: Plan, *, whole: bool, known: Collection[Path] = ()
) -> None:
    """Print what the plan does; with `whole` also the full text of our own new files.

    Of `known` files, which several agents share, the difference was shown before.
    """
    title = job.choice.agent.title
    if job.choice.uninstall:
        heading = t("WeiLink will be taken out of {agent}:", agent=title)
    elif job.program is None:
        heading = t("{agent} was not found; its files will be prepared:", agent=title)
    else:
        name = f"{title} {job.program.version}".rstrip()
        heading = t("{agent} will be set up:", agent=name)
    console.print(Text(heading, style="bold"))
    words = {
        "create": t("new file"),
        "edit": t("edit"),
        "remove": t("remove"),
        "none": t("no change"),
    }
    for change in plan.changes:
        kind = _kind(change)
        path = change.snapshot.path
        line = Text("  ").append(str(path), style="bold" if change.effective else "dim")
        line.append(f" ({words[kind]})", style="dim")
        console.print(line)
        if path != change.snapshot.target and path.is_symlink():
            console.print(Text("      → " + str(change.snapshot.target), style="dim"))
        for reason in change.reasons if change.effective else ():
            console.print(Text(f"      {reason}"))
        for command in change.run.do if change.run and change.effective else ():
            shown = " ".join(part for part in command if not part.startswith("{"))
            console.print(Text(t("      with: {command}", command=shown), style="dim"))
    for change in plan.changes:
        if change.snapshot.path not in known:
            _show_diff(console, change, whole=whole)
    _show_remarks(console, plan)


def show_trust(console: Console, job: Job, plan: Plan) -> None:
    """Explain the trust that the user is about to grant."""
    title = job.choice.agent.title
    console.print()
    console.print(Text(t("{agent} runs a hook only when you trust it.", agent=title), style="bold"))
    if job.choice.uninstall:
        console.print(Text(t("Setup tells it to trust the moved hooks as before.")))
        return
    text = t("Setup tells it that you trust exactly this command, and nothing else:")
    console.print(Text(text))
    console.print(Text(f"      {job.request.hook_command}", style="dim"))
    command = t("      with: {command}", command="codex app-server (config/batchWrite)")
    console.print(Text(command, style="dim"))


def show_outcome(console: Console, job: Job, trust: Outcome) -> None:
    """Print how it stands with trust."""
    title = job.choice.agent.title
    if trust.granted:
        console.print(Text(t("{agent} trusts WeiLink's hooks now.", agent=title), style="green"))
    if trust.kept:
        kept = t("Hooks of others that moved are trusted as before: {count}", count=len(trust.kept))
        console.print(Text(kept))
    if trust.problem:
        problem = t("{agent} could not be asked about trust: {problem}", agent=title,
                    problem=trust.problem)  # fmt: skip
        console.print(Text(problem, style="yellow"))
    if not trust.trusted:
        steps = t(
            "{agent} skips hooks that it does not trust. Start it in a terminal: it asks, and"
            " 'Trust all and continue' trusts them. When it does not ask, type /hooks.",
            agent=title,
        )
        console.print(Text(steps, style="yellow"))


def show_result(console: Console, job: Job, plan: Plan, trust: Outcome | None) -> None:
    """Print what was done and what comes next."""
    title = job.choice.agent.title
    if job.choice.uninstall:
        console.print(
            Text(t("WeiLink is out of {agent}.", agent=title), style="green")
            if plan.effective
            else Text(t("There is nothing of WeiLink to take out of {agent}.", agent=title))
        )
        if trust:
            show_outcome(console, job, trust)
        return
    done = t("Done.") if plan.effective else t("Everything is in place; nothing was changed.")
    console.print(Text(done, style="green"))
    if trust:
        show_outcome(console, job, trust)
    console.print(Text(t("What to do next:"), style="bold"))
    for number, step in enumerate(job.choice.agent.next_steps(job.request), 1):
        console.print(Text(f"  {number}. {step}"))


def _show_remarks(console: Console, plan: Plan) -> None:
    for remark in plan.remarks:
        console.print(Text(remark, style="yellow"))


def _kind(change: Change) -> str:
    if not change.effective:
        return "none"
    if change.snapshot.data is None:
        return "create"
    return "edit" if change.new is not None else "remove"


def _show_diff(console: Console, change: Change, *, whole: bool) -> None:
    lines = unified(change)
    if not lines:
        return
    console.print()
    own = change.record is not None and not change.record.edits
    removed = change.record is None and change.new is None
    limit = len(lines) if whole or not (own or removed) else _OWN_FILE_LINES
    for number, line in enumerate(lines[:limit]):
        style = "bold" if number < 2 else _STYLES.get(line[:1], "dim")
        console.print(Text(line, style=style))
    if len(lines) > limit:
        more = t("… {count} more lines (--dry-run shows them)", count=len(lines) - limit)
        console.print(Text(more, style="dim"))
