"""`Lab`: what a tester does to a running sandbox, and what it has written down."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

from weilink.sandbox.link import Link
from weilink.sandbox.records import Credentials, Exchange, Note

Fault = Literal[
    "status", "drop", "half", "delay", "bad_json", "answer", "empty_buf", "repeat", "lost_answer"
]


class Lab:
    """Reached as `Phone.lab`. `user` and `bot` mean what they mean there."""

    def __init__(self, link: Link, user: str) -> None:
        self._link = link
        self._user = user

    def set_options(self, **options: Any) -> None:
        """Set options of the sandbox; docs/sandbox.md lists them."""
        self._link.json("PUT", "/options", body=options)

    def advance_clock(self, seconds: float) -> None:
        """Move the sandbox's clock; everything that expires looks at it."""
        self._link.json("POST", "/clock", body={"advance_seconds": seconds})

    def new_bot(self, user: str | None = None) -> Credentials:
        """Log a bot in without a QR code, as if a client had just been confirmed."""
        return Credentials(**self._link.json("POST", "/bots", body={"user": user or self._user}))

    def make_stale(self, *, user: str | None = None, bot: str = "") -> None:
        """End a bot session: its token is answered with -14 from now on."""
        self._link.json("POST", "/bots/stale", body={"user": user or self._user, "bot": bot})

    def expire_tokens(self, *, user: str | None = None, bot: str = "") -> int:
        """End every live context token between a user and a bot; return how many that were."""
        body = {"user": user or self._user, "bot": bot}
        expired: int = self._link.json("POST", "/tokens/expire", body=body)["expired"]
        return expired

    # -- faults ------------------------------------------------------------------------------

    def fault(
        self,
        kind: Fault,
        path: str = "*",
        value: Any = None,
        *,
        times: int | None = 1,
        skip: int = 0,
        probability: float = 1.0,
        seed: int = 0,
        work: bool = False,
    ) -> int:
        """Let requests to paths of this glob pattern meet a fault, and return the rule's number.

        `value` is the HTTP status of `status`, the seconds of `delay`, the JSON of `answer`.
        `times=None` means without end, `skip` lets the first ones pass. With `work` the request
        is carried out before the fault strikes; `lost_answer` is `drop` with `work`.
        """
        if kind == "lost_answer":
            return self.fault(
                "drop",
                path,
                times=times,
                skip=skip,
                probability=probability,
                seed=seed,
                work=True,
            )
        rule = {
            "path": path,
            "kind": kind,
            "value": value,
            "times": times,
            "skip": skip,
            "probability": probability,
            "seed": seed,
            "work": work,
        }
        number: int = self._link.json("POST", "/faults", body=rule)["id"]
        return number

    def faults(self) -> list[dict[str, Any]]:
        """Return the rules in force; `hits` of each counts how often it struck."""
        rules: list[dict[str, Any]] = self._link.json("GET", "/faults")["faults"]
        return rules

    def clear_faults(self, number: int | None = None) -> None:
        """Lift one rule, or all."""
        self._link.json("DELETE", "/faults", query={"id": number})

    # -- the journal -------------------------------------------------------------------------

    def requests(self, path: str = "*") -> list[Exchange]:
        """Return the latest requests to paths of this glob pattern, oldest first, secrets cut."""
        found = [Exchange(**one) for one in self._link.json("GET", "/requests")["requests"]]
        return [one for one in found if fnmatchcase(one.path, path)]

    def violations(self) -> list[Note]:
        """Return where clients did not keep to the protocol."""
        return [Note(**note) for note in self._link.json("GET", "/notes")["violations"]]

    def refusals(self) -> list[Note]:
        """Return why messages were refused; the client was told a number only."""
        return [Note(**note) for note in self._link.json("GET", "/notes")["refusals"]]

    def clear_journal(self) -> None:
        """Forget requests, violations and refusals."""
        self._link.json("DELETE", "/journal")
