"""Trust in hooks, where the agent runs only trusted ones: asked for, granted, and kept.

An agent may count hooks by their place in the file. Whatever setup takes out then moves the hooks
of others, and the agent would skip them from then on without a word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from weilink.agents.base import AskError, HookTrust, Program, TrustingAgent
from weilink.agents.hooks import ending
from weilink.i18n import t
from weilink.setup.engine.grants import granting
from weilink.setup.engine.plan import Plan, parse
from weilink.setup.engine.store import Store


@dataclass
class Outcome:
    """How it stands with trust after a run."""

    # Whether all our hooks will run; `None` when that could not be found out.
    trusted: bool | None = None
    # Commands of the hooks that were trusted now: ours, and those of others that moved.
    granted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    problem: str | None = None


class Trust:
    """The trust that one agent has in the hooks of one run."""

    def __init__(self, agent: TrustingAgent, program: Program | None, folder: Path) -> None:
        self._agent = agent
        self._program = program
        self._folder = folder
        self._before: list[HookTrust] = []

    def remember(self) -> None:
        """Note what is trusted before files change."""
        if self._program is None:
            return
        try:
            with self._agent.trust_server(self._program, self._folder) as server:
                self._before = [hook for hook in server.hooks() if hook.trusted]
        except AskError:
            self._before = []

    def look(self, own: str) -> Outcome:
        """Return how it stands with hooks with the command `own`; change nothing.

        The agent lists no hooks of a folder that it was not told to trust.
        """
        if self._program is None:
            return Outcome(problem=t("the program was not found"))
        try:
            with self._agent.trust_server(self._program, self._folder) as server:
                hooks = server.hooks()
        except AskError as error:
            return Outcome(problem=str(error))
        listed = [hook for hook in hooks if ours(hook.command, own)]
        return Outcome(trusted=bool(listed) and all(hook.trusted for hook in listed))

    def settle(self, name: str, own: str, store: Store, *, grant: bool, expected: bool) -> Outcome:
        """Grant trust to hooks with the command `own`, and again to what moved.

        `expected` says whether there are hooks of ours. Without `grant` nothing is granted, only
        looked at. The caller holds the lock.
        """
        outcome = Outcome()
        if self._program is None:
            outcome.problem = t("the program was not found")
            return outcome
        before = {(hook.event, hook.command, hook.digest) for hook in self._before}
        try:
            with self._agent.trust_server(self._program, self._folder) as server:
                missing = [hook for hook in server.hooks() if not hook.trusted]
                own_ones = [hook for hook in missing if ours(hook.command, own)]
                moved = [
                    hook
                    for hook in missing
                    if not ours(hook.command, own)
                    and (hook.event, hook.command, hook.digest) in before
                ]
                if grant and (own_ones or moved):
                    digests = {hook.key: hook.digest for hook in (*own_ones, *moved)}
                    granting(
                        name,
                        self._agent.trust_file(),
                        [("hooks", "state", hook.key) for hook in own_ones],
                        store,
                        lambda: server.trust(digests),
                    )
                    outcome.granted = [hook.command for hook in own_ones]
                    outcome.kept = [hook.command for hook in moved]
                # The program has the last word.
                after = [hook for hook in server.hooks() if ours(hook.command, own)]
                outcome.trusted = all(hook.trusted for hook in after)
                if expected and not after:
                    outcome.trusted = False
        except AskError as error:
            outcome.problem = str(error)
        return outcome


def ours(command: str, own: str) -> bool:
    """Whether a hook's command is `own`, for whatever purpose."""
    return command.removesuffix(ending(command)) == own


def moved_hooks(plan: Plan, own: str) -> int:
    """Return how many hooks of others stand at another place after `plan` than before."""
    count = 0
    for change in plan.changes:
        if not change.effective or change.snapshot.path.suffix not in (".json", ".toml"):
            continue
        format_ = change.snapshot.path.suffix[1:]
        old = _places(change.snapshot.text, format_, own)
        new = _places((change.new or b"").decode("utf-8-sig"), format_, own)
        count += len(new - old)
    return count


def _places(text: str, format_: str, own: str) -> set[tuple[str, int, int, str]]:
    """Return event, index of group, index of item and command of every hook but ours."""
    value = parse(text, format_).value
    hooks = value.get("hooks") if isinstance(value, dict) else None
    found: set[tuple[str, int, int, str]] = set()
    for event, groups in hooks.items() if isinstance(hooks, dict) else ():
        for index, group in enumerate(groups if isinstance(groups, list) else ()):
            items = group.get("hooks") if isinstance(group, dict) else None
            for place, item in enumerate(items if isinstance(items, list) else ()):
                command = item.get("command") if isinstance(item, dict) else None
                if isinstance(command, str) and not ours(command, own):
                    found.add((event, index, place, command))
    return found
