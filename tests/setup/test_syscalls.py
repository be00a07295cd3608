"""Setup killed with signal 9 at every system call, from the first of the write to the last.

Every call is one at which it is killed, whatever it does. What is left is then a state of the
disk; the many calls that only read leave the same one as the call before, and each different one
is tried: the next run finishes or takes back, and taking out is exact. A write can be torn, too:
each file that is just being written is also tried with half of it on the disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.setup import tracing
from tests.setup.conftest import Home, Tree
from tests.setup.test_crash import forked, restore, whole, without_markers
from weilink.cli.main import run
from weilink.setup.engine.plan import Plan
from weilink.setup.install import Job

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not tracing.AVAILABLE, reason="needs Linux"),
]

# The names of temporary files have it, the journal too.
RUN = re.compile(r"weilink-[0-9a-f]{12}")
OWN = {".weilink", ".weilink/setup"}


@dataclass
class Prepared:
    """A home whose files are as setup left them, and how they are without."""

    home: Home
    without: Tree
    installed: Tree


@pytest.fixture
def claude(home: Home) -> Prepared:
    """JSON, some of it with comments; folders that are there, and that are not; a link."""
    home.write(home.root / "dotfiles" / "settings.json", '{\r\n  "model": "opus"\r\n}')
    home.settings.parent.mkdir()
    home.settings.symlink_to(home.root / "dotfiles" / "settings.json")
    home.servers.write_bytes(b'{"a": 1}\n')
    return prepared(home)


@pytest.fixture
def codex(home: Home) -> Prepared:
    """TOML with comments, and an older one of ours that is replaced."""
    home.agent = "codex"
    older = 'mcp_servers.weilink = { command = "weilink" } # old\n'
    home.write(home.codex, f"# mine\n{older}model = 'x' # the good one\n")
    home.codex.chmod(0o640)
    return prepared(home)


def prepared(home: Home) -> Prepared:
    without = home.tree()
    home.done()
    return Prepared(home, without, home.tree())


def agreed(home: Home, *arguments: str) -> Callable[[], int]:
    """Return what setup does after the user agreed, from the lock to its release."""
    asked: list[Callable[[], int]] = []

    def take(job: Job, plan: Plan, **more: bool) -> tuple[Plan, None]:
        def work() -> int:
            tracing.mark()
            job.apply(plan, **more)
            tracing.mark()
            return 0

        asked.append(work)
        return plan, None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Job, "apply", take)
        assert run(["setup", home.agent, "--yes", *arguments]) == 0
    (work,) = asked
    return work


def known(state: Tree) -> dict[str, object]:
    """Return a state without what is by chance in it."""
    found: dict[str, object] = {}
    for name, (kind, mode, content) in state.items():
        if isinstance(content, bytes):
            content = RUN.sub("weilink-RUN", content.decode("latin-1"))
        found[RUN.sub("weilink-RUN", name)] = (kind, mode, content)
    return found


def states(ready: Prepared, before: Tree, *arguments: str) -> Iterator[Tree]:
    """Kill setup at each call; return each different state of the disk after it."""
    home = ready.home
    restore(home.root, before)
    work = agreed(home, *arguments)
    last: dict[str, object] = {}
    for number in range(1, 3000):
        restore(home.root, before)
        if not tracing.kill_at(number, work):
            print(f"killed at {number - 1} system calls")
            assert number > 300, "nothing was counted"
            return
        state = home.tree()
        if known(state) == last:
            continue
        earlier, last = last, known(state)
        yield state
        for name, (kind, mode, content) in state.items():
            normal = RUN.sub("weilink-RUN", name)
            written = ".weilink-" in name or name.endswith((".new", ".next"))
            if written and isinstance(content, bytes) and last[normal] != earlier.get(normal):
                yield {**state, name: (kind, mode, content[: len(content) // 2])}
    raise AssertionError("never came through")


def again(home: Home, *arguments: str) -> None:
    """Run setup in a copy of this process, from where it was killed."""

    def work() -> int:
        os.fsync = lambda fd: None  # no power is cut here
        return run(["setup", home.agent, "--yes", *arguments])

    assert forked(work) == 0, arguments


def each_state(ready: Prepared, before: Tree, *arguments: str) -> int:
    """Check what is promised, from each state that a kill leaves; return how many there were."""
    home = ready.home
    count = 0
    others = (home.settings, home.servers, home.skill, home.codex, home.codex_hooks)
    for state in states(ready, before, *arguments):
        count += 1
        restore(home.root, state)
        whole(home, ready.without, ready.installed, paths=others)
        again(home)
        assert without_markers(home.tree()) == without_markers(ready.installed)
        again(home, "--uninstall")
        clean(home, ready.without)
        restore(home.root, state)
        again(home, "--uninstall")
        clean(home, ready.without)
    print(f"{count} different states")
    return count


def clean(home: Home, without: Tree) -> None:
    """Nothing is left but, at most, two empty folders.

    It was killed between making one and noting who made it: the next run cannot know.
    """
    now = home.tree()
    left = set(now) - set(without)
    assert left <= OWN
    assert {name: entry for name, entry in now.items() if name not in left} == without


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_install_survives(agent: str, request: pytest.FixtureRequest) -> None:
    ready: Prepared = request.getfixturevalue(agent)
    assert each_state(ready, ready.without) > 40


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_uninstall_survives(agent: str, request: pytest.FixtureRequest) -> None:
    ready: Prepared = request.getfixturevalue(agent)
    assert each_state(ready, ready.installed, "--uninstall") > 20
