"""Setup killed with signal 9 at every system call that changes a disk, by strace.

Unlike in `test_crash`, the kernel is where it stops: nothing of Python runs any more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.setup.conftest import Home, Tree
from tests.setup.test_crash import restore, whole, without_markers
from weilink.cli.main import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]

CALLS = [
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"),
    *("mkdir", "mkdirat", "fsync", "chmod", "fchmod", "fchmodat", "chown", "fchown"),
]


def killed_at(home: Home, call: str, number: int, arguments: list[str]) -> bool:
    """Run setup, which the kernel ends at its nth such call. Returns whether it came to that."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(writing)
            os.read(reading, 1)
            os._exit(run(["setup", home.agent, *arguments]))
        finally:
            os._exit(99)
    os.close(reading)
    strace = subprocess.Popen(
        [
            *("strace", "-f", "-p", str(process)),
            *("-e", f"trace=?{call}", "-e", f"inject=?{call}:signal=KILL:when={number}"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert strace.stderr is not None
    with strace.stderr, os.fdopen(writing, "wb", buffering=0) as start:
        said = strace.stderr.readline()
        assert "attached" in said, said
        start.write(b"1")
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        said = strace.stderr.read()
    strace.wait(20)
    assert code in (0, -9), said
    return code != 0


def each_call(home: Home, arguments: list[str], check: Callable[[], None], before: Tree) -> int:
    count = 0
    for call in CALLS:
        for number in range(1, 200):
            restore(home.root, before)
            if not killed_at(home, call, number, arguments):
                break
            count += 1
            check()
    return count


@pytest.fixture
def prepared(home: Home) -> tuple[Home, Tree, Tree]:
    home.write_settings(b'{\r\n  "model": "opus"\r\n}', 0o640)
    home.servers.write_bytes(b'{"a": 1}\n')
    without = home.tree()
    home.done()
    return home, without, home.tree()


def test_install_survives(prepared: tuple[Home, Tree, Tree]) -> None:
    home, without, installed = prepared

    def check() -> None:
        whole(home, without, installed)
        home.done()
        assert without_markers(home.tree()) == without_markers(installed)

    assert each_call(home, ["--yes"], check, without) > 30


def test_uninstall_survives(prepared: tuple[Home, Tree, Tree]) -> None:
    home, without, installed = prepared

    def check() -> None:
        whole(home, without, installed)
        home.done("--uninstall")
        left = {name for name in home.tree() if name not in without}
        assert left <= {".weilink", ".weilink/setup"}
        assert {n: e for n, e in home.tree().items() if n not in left} == without

    assert each_call(home, ["--yes", "--uninstall"], check, installed) > 20
