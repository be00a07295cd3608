"""The findings, for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from weilink.doctor.finding import Finding, Level
from weilink.i18n import t
from weilink.setup.report import make_console

_MARKS = {
    Level.OK: ("✓", "green"),
    Level.NOTE: ("·", "cyan"),
    Level.WARNING: ("!", "yellow"),
    Level.ERROR: ("✗", "red"),
}


def line(console: Console, finding: Finding) -> bool:
    """Print one finding; return whether it is nothing bad."""
    mark, style = _MARKS[finding.level]
    bad = finding.level in (Level.WARNING, Level.ERROR)
    what = Text(f"{mark} ", style=f"bold {style}")
    what.append(finding.what, style="bold" if bad else "not bold default")
    console.print(what, soft_wrap=False, overflow="fold")
    if finding.why:
        console.print(
            Padding(Text(finding.why, style="dim"), (0, 0, 0, 4), expand=False), soft_wrap=False
        )
    if finding.cure:
        cure = Text("→ ", style=style).append(finding.cure, style="default")
        console.print(Padding(cure, (0, 0, 0, 4), expand=False), soft_wrap=False)
    return not bad


def show(findings: Iterable[Finding]) -> list[Finding]:
    """Print each finding as it comes; return all."""
    console = make_console()
    console.soft_wrap = False
    found: list[Finding] = []
    for finding in findings:
        found.append(finding)
        line(console, finding)
    counts = {level: sum(1 for each in found if each.level is level) for level in Level}
    console.print()
    if counts[Level.ERROR] or counts[Level.WARNING]:
        text = t(
            "{errors} broken, {warnings} to look at, {well} well",
            errors=counts[Level.ERROR],
            warnings=counts[Level.WARNING],
            well=counts[Level.OK],
        )
        console.print(Text(text, style="bold red" if counts[Level.ERROR] else "bold yellow"))
    else:
        console.print(Text(t("All is well."), style="bold green"))
    return found
