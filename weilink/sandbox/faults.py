"""Faults on demand: which request meets which, and how often."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

# What happens instead of the work, or after it when `work` is set:
#   status     an HTTP status (`value`), with a body that is not JSON
#   drop       the connection closes before any byte of the answer
#   half       the connection closes within the answer's body
#   delay      `value` seconds pass first; other faults may follow
#   bad_json   200 with a body that breaks off in the middle
#   answer     200 with `value` as the JSON, such as {"ret": -2}
# and only in getupdates, which does them itself:
#   empty_buf  the answer's get_updates_buf is empty
#   repeat     the last batch comes again, and the cursor stays where it is
TRANSPORT = ("delay", "status", "drop", "half", "bad_json", "answer")
UPDATES = ("empty_buf", "repeat")
GETUPDATES = "/ilink/bot/getupdates"


@dataclass
class Rule:
    """Requests whose path matches the pattern meet this fault.

    `times` limits how often (`None`: no limit), `skip` lets the first ones pass, `probability`
    throws dice that `seed` makes the same in every run.
    """

    path: str
    kind: str
    value: Any = None
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    work: bool = False
    id: int = 0
    hits: int = 0
    _dice: random.Random = field(default_factory=random.Random, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in TRANSPORT + UPDATES:
            raise ValueError(f"unknown fault '{self.kind}'; {', '.join(TRANSPORT + UPDATES)}")
        wanted: dict[str, type | tuple[type, ...]] = {
            "status": int,
            "delay": (int, float),
            "answer": dict,
        }
        if self.kind in wanted and not isinstance(self.value, wanted[self.kind]):
            raise ValueError(f"the fault '{self.kind}' does not take the value {self.value!r}")
        if self.kind == "status" and not 200 <= self.value <= 599:
            raise ValueError(f"{self.value} is not the status of an answer")
        if self.kind == "delay" and self.value < 0:
            raise ValueError(f"{self.value} is no time to wait")
        counts = (self.skip, *(() if self.times is None else (self.times,)))
        if not all(isinstance(count, int) and count >= 0 for count in counts):
            raise ValueError("'times' and 'skip' are whole numbers of at least 0")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"'probability' is from 0 to 1, not {self.probability!r}")
        if not self.path:
            raise ValueError("'path' is a glob pattern of paths, such as '*/getupdates' or '*'")
        if self.kind in UPDATES and not fnmatchcase(GETUPDATES, self.path):
            raise ValueError(f"the fault '{self.kind}' strikes getupdates only, not {self.path}")
        self._dice.seed(self.seed)

    def strikes(self, path: str) -> bool:
        """Say whether a request to this path meets the fault, and count it."""
        if not fnmatchcase(path, self.path) or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self._dice.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        self.hits += 1
        return True

    def to_json(self) -> dict[str, Any]:
        """Return it for the control API."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}


class Faults:
    """The rules in force, first come first served."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._ids = itertools.count(1)

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force."""
        rule.id = next(self._ids)
        self.rules.append(rule)
        return rule

    def remove(self, rule_id: int | None = None) -> None:
        """Lift one rule, or all."""
        self.rules = [rule for rule in self.rules if rule_id not in (None, rule.id)]

    def take(self, path: str, kinds: tuple[str, ...]) -> Rule | None:
        """Return the first rule of these kinds that strikes a request to this path."""
        for rule in self.rules:
            if rule.kind in kinds and rule.strikes(path):
                return rule
        return None
