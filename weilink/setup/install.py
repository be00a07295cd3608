"""One agent in or out: what the agent needs, as a plan of the engine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weilink.agents.base import Agent, Request, Scope, Transport, TrustingAgent
from weilink.agents.shell import SCRIPT, hook_command, lasting_python
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
        if self.choice.uninstall or not self.choice.hooks:
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
            return plan, trust.settle(self.name, own, self.store, grant=grant) if trust else None

    @property
    def request(self) -> Request:
        """The question to the agent module."""
        choice = self.choice
        script = self._base_path / "hooks" / SCRIPT
        return Request(
            scope=choice.scope,
            transport=choice.transport,
            hooks=choice.hooks,
            base_path=self._base_path,
            folder=self._folder,
            hook_command=hook_command(lasting_python(), script, choice.agent.name),
            hook_mark=SCRIPT,
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
        collected = _Collected()
        agent = self.choice.agent
        agent.describe(self.request, collected, self.program)
        if self.choice.hooks:
            collected.whole_file(
                self._base_path / "hooks" / SCRIPT,
                asset("hooks", SCRIPT).read_bytes(),
                reason=t("the hook script, which asks WeiLink for new messages"),
                marks=("weilink", "WeiLink"),
            )
            if isinstance(agent, TrustingAgent):
                collected.keep_granted(agent.trust_file())
        return collected.wanted


def _within(plan: engine.Plan, shown: engine.Plan) -> bool:
    """Whether `plan` does nothing to a file that `shown` did not show."""
    agreed = {(c.snapshot.path, c.snapshot.data, c.new) for c in shown.changes if c.effective}
    return all(
        (change.snapshot.path, change.snapshot.data, change.new) in agreed
        for change in plan.changes
        if change.effective
    )


class _Collected:
    """The `Changes` that agents fill, as the engine wants them."""

    def __init__(self) -> None:
        self.wanted: list[engine.Wanted] = []

    def member(
        self,
        file: Path,
        path: tuple[str, ...],
        value: Mapping[str, Any],
        *,
        reason: str,
        marks: tuple[str, ...] = (),
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        owned: tuple[str, ...] = (),
        format_: str = "json",
    ) -> None:
        writer = Writer(add, remove, folder or file.parent, environment or {}) if add else None
        self._edit(file, Member(path, dict(value), marks, owned), reason, format_, writer)

    def group_item(
        self,
        file: Path,
        path: tuple[str, ...],
        value: Mapping[str, Any],
        *,
        inner: str,
        own: str,
        mark: str,
        place: str,
        reason: str,
        format_: str = "json",
        ending: str = "",
        endings: tuple[str, ...] = (),
    ) -> None:
        item = GroupItem(path, dict(value), inner, own, mark, place, ending, endings)
        self._edit(file, item, reason, format_)

    def whole_file(
        self, file: Path, content: bytes, *, reason: str, marks: tuple[str, ...] = ()
    ) -> None:
        self.wanted.append(engine.WantedFile(file, content, (reason,), marks))

    def keep_granted(self, file: Path) -> None:
        """Leave in `file` what the program put there for us."""
        self.wanted = [
            replace(want, keeps_granted=True)
            if isinstance(want, engine.WantedEdits) and want.path == file
            else want
            for want in self.wanted
        ]

    def _edit(
        self, file: Path, edit: Edit, reason: str, format_: str, writer: Writer | None = None
    ) -> None:
        for index, want in enumerate(self.wanted):
            if isinstance(want, engine.WantedEdits) and want.path == file:
                self.wanted[index] = engine.WantedEdits(
                    file, (*want.edits, edit), (*want.reasons, reason), format_
                )
                return
        self.wanted.append(engine.WantedEdits(file, (edit,), (reason,), format_, writer))
