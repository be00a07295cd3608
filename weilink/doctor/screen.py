"""The findings, for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
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


# A command is not broken into lines: it has to survive being copied.
_COMMANDS = ("weilink ", "rm ", "cd ", "chmod ")


def line(console: Console, finding: Finding) -> bool:
    """Print one finding; return whether it is nothing bad."""
    mark, style = _MARKS[finding.level]
    bad = finding.level in (Level.WARNING, Level.ERROR)
    _print(console, Text(f"{mark} ", style=f"bold {style}"),
           Text(finding.what, style="bold" if bad else "not bold default"))  # fmt: skip
    if finding.why:
        _print(console, Text("    "), Text(finding.why, style="dim"))
    if finding.cure:
        arrow = Text("    ").append("→ ", style=style)
        _print(console, arrow, Text(finding.cure), whole=finding.cure.startswith(_COMMANDS))
    return not bad


def _print(console: Console, lead: Text, text: Text, *, whole: bool = False) -> None:
    """Print `text` behind `lead`, further lines below its start."""
    if whole or not console.is_terminal:
        console.print(lead + text, soft_wrap=True)
        return
    width = max(20, console.width - lead.cell_len)
    for number, part in enumerate(text.wrap(console, width, overflow="fold")):
        part.rstrip()
        console.print((lead if number == 0 else Text(" " * lead.cell_len)) + part, soft_wrap=True)


def show(findings: Iterable[Finding]) -> list[Finding]:
    """Print each finding as it comes; return all."""
    console = make_console()
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
