"""The official conformance suite against our streamable HTTP server, each revision it knows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import npm
from tests.server.clients import Process, environment

pytestmark = [pytest.mark.agents, pytest.mark.slow]

REVISIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
NOT_APPLICABLE: dict[str, str] = json.loads(
    Path(__file__).with_name("conformance.json").read_text("utf-8")
)
"""Scenarios of features that WeiLink does not have, each with its reason."""
STATELESS = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
}
"""The checks of `server-stateless` that call a tool which samples."""
GOOD = {"SUCCESS", "INFO", "SKIPPED", "WARNING"}


class Reference(Process):
    """Our server with the tools that the suite calls."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self.log = log
        self.base = Path(env["WEILINK_BASE_PATH"])
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.server.reference", "-p", "0"],
                env={**env, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        self.url = self.wait_log(r"serves MCP at (\S+);")[1]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Reference]:
    reference = Reference(environment(tmp_path / "base"), tmp_path / "log")
    yield reference
    reference.close()


def outcomes(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The checks of each scenario that ran."""
    found = {}
    for path in folder.glob("*/checks.json"):
        name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", path.parent.name)
        found[name] = json.loads(path.read_text("utf-8"))
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_conformance(server: Reference, tmp_path: Path, revision: str) -> None:
    results = tmp_path / "results"
    done = npm.run(
        npm.CONFORMANCE,
        "conformance",
        [
            *("server", "--url", server.url, "--suite", "all"),
            *("--spec-version", revision, "--output-dir", str(results)),
        ],
        tmp_path,
        timeout=170,
    )
    ran = outcomes(results)
    assert ran, done.stderr
    failed = {}
    for scenario, checks in ran.items():
        bad = [check["id"] for check in checks if check["status"] not in GOOD]
        if scenario == "server-stateless":
            assert set(bad) == STATELESS
            continue
        if bad:
            failed[scenario] = bad
    assert {name: bad for name, bad in failed.items() if name not in NOT_APPLICABLE} == {}
    # The list does not outlive its reasons.
    passes = set(ran) & set(NOT_APPLICABLE) - set(failed) - {"server-stateless"}
    assert passes == set()
    assert "Traceback" not in server.log_text()


def test_every_exception_is_a_scenario(tmp_path: Path) -> None:
    listed = npm.run(npm.CONFORMANCE, "conformance", ["list"], tmp_path).stdout
    scenarios = set(re.findall(r"^  - (\S+) \[", listed, re.MULTILINE))
    assert set(NOT_APPLICABLE) <= scenarios
    known = set(re.findall(r"\d{4}-\d\d-\d\d", listed))
    assert known == set(REVISIONS)
