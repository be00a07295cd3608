"""`weilink setup` without an agent: the questions, the diff, and the proof that it works.

Nothing is written before the last question is answered; Ctrl-C at any of them ends it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import cast

import questionary
from prompt_toolkit.styles import Style
from rich.console import Console
from rich.text import Text

from weilink import agents
from weilink.agents.base import Agent, Program, Scope, Transport
from weilink.doctor import screen
from weilink.doctor.proof import prove
from weilink.errors import UsageError
from weilink.i18n import t
from weilink.settings import Settings
from weilink.setup import report
from weilink.setup.engine.plan import Plan
from weilink.setup.install import Choice, Job

_STYLE = Style(
    [
        ("qmark", "fg:ansigreen bold"),
        ("question", "bold"),
        ("pointer", "fg:ansicyan bold"),
        ("highlighted", "fg:ansicyan"),
        ("selected", "fg:ansigreen noreverse"),
        ("answer", "fg:ansicyan"),
        ("instruction", "fg:ansibrightblack"),
    ]
)


@dataclass(frozen=True)
class _Answers:
    agents: tuple[Agent, ...]
    hooks: tuple[str, ...]
    scope: Scope
    transport: Transport
    log_in: bool


def run(settings: Settings, folder: Path) -> int:
    """Ask, write, and prove; return the exit code."""
    console = report.make_console()
    try:
        agreed = _ask(console, settings, folder)
    except (KeyboardInterrupt, EOFError):
        console.print()
        console.print(t("Stopped. Nothing was written."))
        return 1
    if agreed is None:
        return 1
    try:
        return _do(console, settings, agreed)
    except KeyboardInterrupt:
        console.print()
        console.print(t("Stopped. 'weilink doctor' says how far it came."))
        return 1


@dataclass(frozen=True)
class _Agreed:
    """What the user agreed to."""

    planned: tuple[tuple[Job, Plan], ...]
    grants: dict[str, bool]
    log_in: bool


def _ask(console: Console, settings: Settings, folder: Path) -> _Agreed | None:
    title = Text("WeiLink", style="bold green")
    title.append("  " + t("Write to your agents from WeChat."), style="not bold default")
    console.print(title)
    console.print(Text(t("Looking for agents ..."), style="dim"))
    found = {agent.name: agent.find() for agent in agents.ALL.values()}
    answers = _ask_all(console, settings, found)
    if answers is None:
        console.print(t("Nothing was chosen, and nothing was written."))
        return None
    jobs = [_job(agent, answers, settings, folder) for agent in answers.agents]
    if jobs and jobs[0].interrupted:
        jobs[0].repair()
    planned = [(job, job.plan()) for job in jobs]
    shown: set[Path] = set()
    for job, plan in planned:
        console.print()
        report.show_plan(console, job, plan, whole=False, known=shown)
        shown |= {change.snapshot.path for change in plan.changes}
    grants: dict[str, bool] = {}
    if any(plan.effective for _, plan in planned) and not _confirm(t("Write this?")):
        console.print(t("Nothing was written."))
        return None
    for job, plan in planned:
        if job.asks_for_trust(plan):
            report.show_trust(console, job, plan)
            grants[job.name] = _confirm(t("Trust these hooks?"))
    return _Agreed(tuple(planned), grants, answers.log_in)


def _do(console: Console, settings: Settings, agreed: _Agreed) -> int:
    _write(console, agreed.planned, agreed.grants)
    jobs = [job for job, _ in agreed.planned]
    logged_in = _log_in(settings) if agreed.log_in else _has_bot(settings)
    works = _prove(console, jobs)
    _next(console, jobs, logged_in=logged_in)
    return 0 if works else 1


def _ask_all(
    console: Console, settings: Settings, found: dict[str, Program | None]
) -> _Answers | None:
    chosen = _ask_agents(found)
    if not chosen:
        return None
    usual = {name for agent in chosen for name in agent.hooks}
    more = {name for agent in chosen for name in agent.more_hooks}
    offered = [name for name in _HOOKS() if name in usual | more]
    hooks: list[str] = []
    if offered:
        question = t("What should happen by itself?")
        hooks = _many(question, [(n, _HOOKS()[n], n in usual) for n in offered])
        _answered(question, ", ".join(hooks) or t("nothing"))
    scopes = [
        (scope, title)
        for scope, title in _SCOPES().items()
        if any(scope in agent.scopes for agent in chosen)
    ]
    scope = "user"
    if len(scopes) > 1:
        scope = _one(t("For whom?"), scopes)
    transport = _one(
        t("How do agents reach WeiLink?"),
        [
            ("stdio", t("each agent starts it itself (recommended)")),
            ("http", t("one server that you keep running: weilink mcp -t http")),
        ],
    )
    log_in = False
    if not _has_bot(settings):
        log_in = (
            _one(
                t("Log in to WeChat?"),
                [
                    ("later", t("later, with: weilink login")),
                    ("now", t("now, after this: a QR code for your phone")),
                ],
            )
            == "now"
        )
    return _Answers(
        tuple(chosen), tuple(hooks), cast(Scope, scope), cast(Transport, transport), log_in
    )


def _ask_agents(found: dict[str, Program | None]) -> list[Agent]:
    entries = []
    for name, agent in agents.ALL.items():
        program = found[name]
        title = f"{agent.title} {program.version}".rstrip() if program else agent.title
        if program is None:
            title += "  " + t("(not found)")
        entries.append((name, title, program is not None))
    entries.sort(key=lambda entry: not entry[2])
    chosen = [agents.ALL[name] for name in _many(t("Which agents?"), entries)]
    _answered(t("Which agents?"), ", ".join(agent.title for agent in chosen) or t("none"))
    return chosen


def _HOOKS() -> dict[str, str]:  # noqa: N802  (a constant that depends on the language)
    return {
        "prompt": t("waiting messages come along with what you type"),
        "session": t("and when a session starts"),
        "turn": t("and while the agent works"),
        "wake": t("an idle agent wakes up when a message comes"),
        "approve": t("the agent asks you on the phone for permission"),
        "notify": t("you are told on the phone when the agent finished or needs you"),
    }


def _SCOPES() -> dict[str, str]:  # noqa: N802
    return {
        "user": t("me, in every folder (recommended)"),
        "project": t("everybody who works in the current folder"),
        "local": t("me, in the current folder only"),
    }


def _many(question: str, entries: Sequence[tuple[str, str, bool]]) -> list[str]:
    choices = [questionary.Choice(title, name, checked=on) for name, title, on in entries]
    asked = questionary.checkbox(
        question,
        choices=choices,
        style=_STYLE,
        qmark="?",
        instruction=t("(space switches, enter goes on)"),
        erase_when_done=True,
    )
    return cast("list[str]", asked.unsafe_ask())


def _one(question: str, entries: Sequence[tuple[str, str]]) -> str:
    choices = [questionary.Choice(title, name) for name, title in entries]
    asked = questionary.select(
        question,
        choices=choices,
        style=_STYLE,
        qmark="?",
        instruction=t("(arrows, enter)"),
        erase_when_done=True,
    )
    answer = str(asked.unsafe_ask())
    _answered(question, dict(entries)[answer])
    return answer


def _confirm(question: str) -> bool:
    asked = questionary.confirm(question, style=_STYLE, qmark="?", erase_when_done=True)
    answer = bool(asked.unsafe_ask())
    _answered(question, t("yes") if answer else t("no"))
    return answer


def _answered(question: str, answer: str) -> None:
    """Leave question and answer on the screen, in place of the choices.

    The library would do that too, but in English.
    """
    line = Text().append("? ", style="bold green").append(question, style="bold")
    report.make_console().print(line.append(" " + answer, style="cyan"))


def _job(agent: Agent, answers: _Answers, settings: Settings, folder: Path) -> Job:
    scope: Scope = answers.scope if answers.scope in agent.scopes else "user"
    # Claude Desktop starts its servers itself, whatever the others do.
    transport: Transport = "stdio" if agent.name == "claude-desktop" else answers.transport
    hooks = tuple(n for n in (*agent.hooks, *agent.more_hooks) if n in answers.hooks)
    return Job(Choice(agent, scope, transport, hooks, uninstall=False), settings, folder)


def _write(console: Console, planned: Sequence[tuple[Job, Plan]], grants: dict[str, bool]) -> None:
    console.print()
    for job, shown in planned:
        _, trust = job.apply(shown, agreed_to_all=False, grant=grants.get(job.name, False))
        title = job.choice.agent.title
        done = (
            t("{agent} is set up.", agent=title)
            if shown.effective
            else t("{agent} was set up already; nothing was changed.", agent=title)
        )
        console.print(Text("✓ ", style="bold green").append(done, style="not bold default"))
        if trust:
            report.show_outcome(console, job, trust)


def _log_in(settings: Settings) -> bool:
    command = [sys.executable, "-m", "weilink", "-d", str(settings.base_path), "login"]
    try:
        return subprocess.run(command, check=False).returncode == 0
    except KeyboardInterrupt:
        # Who has no phone at hand ends the login with it, not what comes after.
        return False


def _has_bot(settings: Settings) -> bool:
    # Without opening the store: nothing is created before the user agreed.
    return any(settings.base_path.glob("*/token.json"))


def _prove(console: Console, jobs: Sequence[Job]) -> bool:
    console.print()
    console.print(Text(t("Trying it out, with a WeChat that is not yours ..."), style="dim"))
    # The same server and script for all; the one with most is tried.
    job = max(jobs, key=lambda each: len(each.choice.hooks))
    return all(screen.line(console, finding) for finding in prove(job.request))


def _next(console: Console, jobs: Sequence[Job], *, logged_in: bool) -> None:
    steps = [] if logged_in else [t("Log in: weilink login")]
    # First what starts each agent, then what follows.
    for row in zip_longest(*(job.choice.agent.next_steps(job.request) for job in jobs)):
        steps += [step for step in dict.fromkeys(row) if step and step not in steps]
    console.print()
    console.print(Text(t("What to do next:"), style="bold"))
    for number, step in enumerate(steps, 1):
        console.print(Text(f"  {number}. {step}"))
    console.print(Text(t("To take it out again: weilink setup AGENT --uninstall"), style="dim"))


def check_terminal(known: str) -> None:
    """Refuse to ask where nobody can answer.

    Raises:
        UsageError: there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        text = t(
            "Nobody can be asked here. Name the agent and agree to all: weilink setup AGENT --yes,"
            " with one of {known}; --dry-run shows what it would do",
            known=known,
        )
        raise UsageError(text)
