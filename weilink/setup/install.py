"""One agent in or out: what the agent needs, as a plan of the engine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from weilink.agents.base import Agent, Request, Scope, Transport, TrustingAgent
from weilink.agents.shell import OLD_SCRIPT, SCRIPT, hook_command, lasting_python
from weilink.agents.wanted import Entry, ListedGroup, OwnFile, Wanted
from weilink.assets import asset
from weilink.errors import UsageError, WeiLinkError
from weilink.i18n import t
from weilink.settings import Settings
from weilink.setup import server_command
from weilink.setup.engine import plan as engine
from weilink.setup.engine import transaction
from weilink.setup.engine.edits import Edit, GroupItem, Member
from weilink.setup.engine.manifest import Writer
from weilink.setup.engine.store import Store
from weilink.setup.trust import Outcome, Trust, moved_hooks


@dataclass(frozen=True)
class Choice:
    """What the user chose on the command line."""

    agent: Agent
    scope: Scope
    transport: Transport
    hooks: tuple[str, ...]
    uninstall: bool
    # Whether the user's yes covers trust in our hooks, where the agent asks for it.
    trust: bool = True


class Job:
    """One run of setup for one agent."""

    def __init__(self, choice: Choice, settings: Settings, folder: Path) -> None:
        self.choice = choice
        self._folder = folder
        self._base_path = settings.base_path
        self._show_tool_calls = settings.show_tool_calls
        self.store = Store(settings.base_path / "setup")
        self._trust: Trust | None = None
        agent = choice.agent
        trusting = isinstance(agent, TrustingAgent)
        self.program = agent.find() if trusting or not choice.uninstall else None
        if isinstance(agent, TrustingAgent):
            self._trust = Trust(agent, self.program, folder)
        place = choice.agent.place(choice.scope, folder)
        self.name = f"{choice.agent.name}:{choice.scope}:{place}"

    @property
    def interrupted(self) -> bool:
        """Whether an earlier run was killed in the middle."""
        return self.store.journal.exists()

    def repair(self) -> None:
        """Finish or take back what an earlier run left."""
        with self.store.lock():
            transaction.recover(self.store)

    def plan(self) -> engine.Plan:
        """Return what would be done; reads, and writes nothing.

        Raises:
            WeiLinkError: it cannot be done; see its subclasses.
        """
        if self.choice.uninstall:
            plan = engine.plan_uninstall(self.name, self.store)
        else:
            plan = engine.plan_install(self.name, self._wanted(), self.store)
        if self._trust and (count := moved_hooks(plan, self.request.hook_command)):
            remark = t(
                "{agent} trusts a hook at its place in the file, and {count} hooks of others get"
                " another one.",
                agent=self.choice.agent.title,
                count=count,
            )
            plan = replace(plan, remarks=(*plan.remarks, remark))
        return plan

    def asks_for_trust(self, plan: engine.Plan) -> bool:
        """Whether trust has to be granted for `plan` to be of use; reads only.

        When nothing changes, the agent is asked how it stands.
        """
        if self._trust is None or self.program is None or not self.choice.trust:
            return False
        own = self.request.hook_command
        if moved_hooks(plan, own):
            return True
        if self.choice.uninstall or not _has_hooks(plan):
            return False
        return plan.effective or self._trust.look(own).trusted is False

    def apply(
        self, shown: engine.Plan, *, agreed_to_all: bool, grant: bool = False
    ) -> tuple[engine.Plan, Outcome | None]:
        """Do what the user agreed to; return the plan that was carried out, and the trust.

        Raises:
            WeiLinkError: the files changed meanwhile, or cannot be written.
        """
        if self.choice.uninstall and not self.store.folder.exists():
            return shown, None
        with self.store.lock():
            transaction.recover(self.store)
            plan = self.plan()
            if not agreed_to_all and not _within(plan, shown):
                raise WeiLinkError(
                    t("The files changed while you were reading; run the command again")
                )
            own = self.request.hook_command
            trust = self._trust
            if trust and (self.choice.uninstall or not self.choice.hooks):
                trust = trust if moved_hooks(plan, own) else None
            if trust and plan.effective:
                trust.remember()
            transaction.apply(plan, self.store)
            grant = grant and self.choice.trust
            if trust is None:
                return plan, None
            expected = _has_hooks(plan)
            return plan, trust.settle(self.name, own, self.store, grant=grant, expected=expected)

    @property
    def request(self) -> Request:
        """The question to the agent module."""
        choice = self.choice
        script = self._base_path / "hooks" / SCRIPT
        return Request(
            scope=choice.scope,
            transport=choice.transport,
            hooks=choice.hooks,
            show_tool_calls=self._show_tool_calls,
            base_path=self._base_path,
            folder=self._folder,
            hook_command=hook_command(lasting_python(), script, choice.agent.name),
            hook_marks=(SCRIPT, OLD_SCRIPT),
            hook_place=shlex.quote(script.as_posix()),
            python=sys.executable,
            arguments=(*server_command.arguments(self._base_path), "mcp"),
            environment=server_command.environment(),
        )

    def _wanted(self) -> list[engine.Wanted]:
        try:
            str(self._base_path).encode()
            str(self._folder).encode()
        except UnicodeEncodeError:
            raise UsageError(
                t("The name of the folder is not valid text; choose another --base-path")
            ) from None
        agent = self.choice.agent
        wanted = agent.wanted(self.request, self.program)
        if not self.choice.hooks:
            return _for_engine(wanted, None)
        script = OwnFile(
            file=self._base_path / "hooks" / SCRIPT,
            content=asset("hooks", SCRIPT).read_bytes(),
            reason=t("the hook script, which asks WeiLink for new messages"),
            marks=("weilink", "WeiLink"),
        )
        granted = agent.trust_file() if isinstance(agent, TrustingAgent) else None
        return _for_engine([*wanted, script], granted)


def _has_hooks(plan: engine.Plan) -> bool:
    """Whether hooks of ours are there after `plan`."""
    records = (change.record for change in plan.changes)
    return any(isinstance(edit, GroupItem) for each in records if each for edit in each.edits)


def _within(plan: engine.Plan, shown: engine.Plan) -> bool:
    """Whether `plan` does nothing to a file that `shown` did not show."""
    agreed = {(c.snapshot.path, c.snapshot.data, c.new) for c in shown.changes if c.effective}
    return all(
        (change.snapshot.path, change.snapshot.data, change.new) in agreed
        for change in plan.changes
        if change.effective
    )


def _for_engine(asked: Iterable[Wanted], granted: Path | None) -> list[engine.Wanted]:
    """Return what an agent asks for, as the engine wants it: one for each file.

    In the file `granted` stays what the agent itself put there for us.
    """
    found: dict[Path, engine.Wanted] = {}
    for each in asked:
        if isinstance(each, OwnFile):
            found[each.file] = engine.WantedFile(
                each.file, each.content, (each.reason,), each.marks
            )
            continue
        before = found.get(each.file)
        edits, reasons = (_edit(each),), (each.reason,)
        if isinstance(before, engine.WantedEdits):
            found[each.file] = replace(
                before, edits=before.edits + edits, reasons=before.reasons + reasons, writer=None
            )
            continue
        commands = each.commands if isinstance(each, Entry) else None
        found[each.file] = engine.WantedEdits(
            each.file,
            edits,
            reasons,
            each.format,
            writer=Writer(**vars(commands)) if commands else None,
        )
    if granted:
        want = found.get(granted, engine.WantedEdits(granted, (), (), "toml"))
        if isinstance(want, engine.WantedEdits):
            found[granted] = replace(want, keeps_granted=True)
    return list(found.values())


def _edit(each: Entry | ListedGroup) -> Edit:
    if isinstance(each, Entry):
        return Member(each.path, dict(each.value), each.marks, each.owned)
    return GroupItem(
        each.path,
        dict(each.value),
        each.inner,
        each.own,
        each.marks,
        each.place,
        each.ending,
        each.endings,
    )
