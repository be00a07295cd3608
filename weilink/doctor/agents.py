"""The agents: versions, files, hooks, trust, and whether they reach the MCP server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from weilink import agents
from weilink.agents.base import Agent, AskableAgent, AskError, Program, TrustingAgent
from weilink.doctor import leftovers, policies
from weilink.doctor.finding import Finding, Level, ok
from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.settings import Settings
from weilink.setup.engine.store import Store
from weilink.setup.install import Choice, Job
from weilink.setup.installed import choices
from weilink.setup.trust import ours


def check(settings: Settings, folder: Path) -> Iterator[Finding]:
    """Look at every agent that is on this computer or was set up."""
    store = Store(settings.base_path / "setup")
    try:
        installed = list(choices(store))
    except WeiLinkError as error:
        why = t("Without it, setup does not know what it did.")
        yield Finding("setup", Level.ERROR, str(error), why, "")
        return
    if store.journal.exists():
        yield Finding(
            "setup",
            Level.WARNING,
            t("A run of setup was interrupted"),
            t("Its files are whole, but it is half done."),
            "weilink setup",
        )
    if not installed:
        yield Finding(
            "setup",
            Level.WARNING,
            t("WeiLink is in no agent"),
            t("No agent hears of messages."),
            "weilink setup",
        )
    for agent in agents.ALL.values():
        program = agent.find()
        mine = [(choice, place) for choice, place in installed if choice.agent is agent]
        if program is None and not mine:
            continue
        yield _version(agent, program)
        yield from leftovers.check(agent)
        for choice, place in mine:
            yield from _installation(settings, choice, place)
        if mine:
            yield from policies.check(agent, folder)
            yield from _reachable(program, *mine[0], folder)


def _version(agent: Agent, program: Program | None) -> Finding:
    check = f"{agent.name}.program"
    if program is None:
        return Finding(
            check,
            Level.WARNING,
            t("{agent} was set up, but is not found on PATH", agent=agent.title),
            t("When it is gone for good, its files still name WeiLink."),
            f"weilink setup {agent.name} --uninstall",
        )
    return ok(check, f"{agent.title} {program.version} ({program.path})".replace("  ", " "))


def _installation(settings: Settings, choice: Choice, place: Path) -> Iterator[Finding]:
    name, command = choice.agent.name, _command(choice, place)
    if choice.scope != "user" and not place.is_dir():
        yield Finding(
            f"{name}.files",
            Level.NOTE,
            t("{path} is gone; WeiLink was set up there", path=place),
        )
        return
    job = Job(choice, settings, place)
    try:
        plan = job.plan()
    except WeiLinkError as error:
        why = t("The agent may ignore the file, and setup cannot edit it.")
        cure = t("mend the file, then run: {command}", command=command)
        yield Finding(f"{name}.files", Level.ERROR, str(error), why, cure)
        return
    changed = [change for change in plan.changes if change.effective]
    if changed:
        paths = ", ".join(str(change.snapshot.path) for change in changed)
        yield Finding(
            f"{name}.files",
            Level.ERROR,
            t("Not as setup wrote it: {paths}", paths=paths),
            t("Hooks or the MCP server are missing, old, or name a place that has moved."),
            command,
        )
    else:
        hooks = ", ".join(choice.hooks) or t("none")
        what = t("{agent} ({scope}): everything is in place; hooks: {hooks}",
                 agent=choice.agent.title, scope=choice.scope, hooks=hooks)  # fmt: skip
        yield ok(f"{name}.files", what)
    if choice.hooks:
        folder = Path.home() if choice.scope == "user" else place
        yield from _trust(job, folder, command)


def _command(choice: Choice, place: Path) -> str:
    """Return the command that sets up again what was chosen."""
    command = f"weilink setup {choice.agent.name}"
    if choice.scope != "user":
        command = f"cd '{place}' && {command} --scope {choice.scope}"
    if choice.transport == "http":
        command += " --transport http"
    if choice.hooks != tuple(choice.agent.hooks):
        command += f" --hooks {','.join(choice.hooks) or 'none'}"
    return command


def _trust(job: Job, folder: Path, command: str) -> Iterator[Finding]:
    agent, program = job.choice.agent, job.program
    if not isinstance(agent, TrustingAgent) or program is None:
        return
    check = f"{agent.name}.trust"
    own = job.request.hook_command
    try:
        with agent.trust_server(program, folder) as server:
            hooks = server.hooks()
    except AskError as error:
        what = t("{agent} could not be asked about trust: {problem}",
                 agent=agent.title, problem=error)  # fmt: skip
        yield Finding(check, Level.WARNING, what, t("It skips hooks that it does not trust."), "")
        return
    listed = [hook for hook in hooks if ours(hook.command, own)]
    if not listed:
        yield Finding(
            check,
            Level.ERROR,
            t("{agent} does not list WeiLink's hooks", agent=agent.title),
            t("No messages reach prompts."),
            command,
        )
    elif all(hook.trusted for hook in listed):
        yield ok(check, t("{agent} trusts WeiLink's hooks", agent=agent.title))
    else:
        yield Finding(
            check,
            Level.ERROR,
            t("{agent} does not trust WeiLink's hooks", agent=agent.title),
            t("It skips them without a word."),
            t("{command}   (or type /hooks in codex)", command=command),
        )


def _reachable(
    program: Program | None, choice: Choice, place: Path, folder: Path
) -> Iterator[Finding]:
    """Let the agent itself connect to the MCP server."""
    agent = choice.agent
    if program is None or not isinstance(agent, AskableAgent):
        return
    if choice.scope != "user":
        folder = place
    check = f"{agent.name}.server"
    cure = _command(choice, place)
    why = t("The agent has no tools to answer with.")
    try:
        state = agent.ask_for_server(program, folder)
    except AskError as error:
        what = t("{agent} could not be asked for its MCP servers: {problem}",
                 agent=agent.title, problem=error)  # fmt: skip
        why = t("Whether it has the MCP server is not known.")
        yield Finding(check, Level.WARNING, what, why, "")
        return
    if state is None:
        what = t("{agent} does not know the MCP server", agent=agent.title)
        yield Finding(check, Level.ERROR, what, why, cure)
    elif state.reached:
        yield ok(check, t("{agent} reaches the MCP server", agent=agent.title))
    elif state.pending:
        what = t("{agent} waits for your consent to the MCP server", agent=agent.title)
        cure = t("start {name} in {folder} and allow it", name=agent.name, folder=folder)
        yield Finding(check, Level.WARNING, what, why, cure)
    else:
        if choice.transport == "http":
            cure = t("{command}   (or: weilink service install, which keeps it running)",
                     command="weilink mcp -t http")  # fmt: skip
        what = t("{agent} does not reach the MCP server", agent=agent.title)
        if state.said:
            what = t("{agent} does not reach the MCP server: {said}",
                     agent=agent.title, said=state.said)  # fmt: skip
        yield Finding(check, Level.ERROR, what, why, cure)
