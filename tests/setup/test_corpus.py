"""The corpus: set up, again, taken out; every byte, mode and link is as it was."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.setup import corpus
from tests.setup.conftest import Home

FILES = {
    "claude": ".claude/settings.json",
    "codex": ".codex/config.toml",
    "vscode": ".config/Code/User/mcp.json",
}
VALID: list[tuple[str, str, bytes]] = [
    *(("claude", name, data) for name, data in corpus.CLAUDE.items()),
    *(("codex", name, data) for name, data in corpus.CODEX.items()),
    *(("vscode", name, data) for name, data in corpus.VSCODE.items()),
]
INVALID: list[tuple[str, str, bytes, int]] = [
    *(("codex", name, *case) for name, case in corpus.CODEX_INVALID.items()),
    *(("vscode", name, *case) for name, case in corpus.VSCODE_INVALID.items()),
]


def place(home: Home, agent: str, data: bytes) -> Path:
    home.agent = agent
    path = home.root / FILES[agent]
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    path.chmod(0o640)
    return path


def case(agent: str, name: str, data: bytes) -> Any:
    marks = [pytest.mark.slow] if len(data) > 1_000_000 else []
    return pytest.param(agent, name, data, id=f"{agent}-{name}", marks=marks)


@pytest.mark.parametrize(("agent", "name", "data"), [case(*each) for each in VALID])
def test_every_file_comes_back_as_it_was(home: Home, agent: str, name: str, data: bytes) -> None:
    path = place(home, agent, data)
    before = home.tree()

    home.done()
    installed = path.read_bytes()
    second = home.done()

    assert path.read_bytes() == installed
    assert b"weilink" in installed
    assert "nothing was changed" in second.out
    home.done("--uninstall")
    assert home.tree() == before


@pytest.mark.parametrize(
    ("agent", "name", "data"),
    [case(*each) for each in VALID if len(each[2]) < 1_000_000],
)
def test_what_others_write_meanwhile_stays(home: Home, agent: str, name: str, data: bytes) -> None:
    """Only ours is taken out of a file that somebody changed: what is left is as before."""
    path = place(home, agent, data)
    home.done()
    comment = {"codex": b"# more\n", "vscode": b"// more\n"}.get(agent, b"\n\n")
    ending = path.read_bytes()[-1:]
    more = (b"" if ending == b"\n" or agent != "codex" else b"\n") + comment
    path.write_bytes(path.read_bytes() + more)

    home.done("--uninstall")

    left = path.read_bytes() if path.exists() else b""
    if any(mark in data for mark in (b"weilink", b"WeiLink")):
        # An older one of ours was replaced: it does not come back into a file with changes.
        assert corpus.OLD_HOOK.encode() not in left
        assert b"hooks/weilink_hook.py" not in left
    elif data.removeprefix(b"\xef\xbb\xbf").strip():
        assert left == data + more


@pytest.mark.parametrize(
    ("agent", "name", "data", "line"), INVALID, ids=[f"{a}-{n}" for a, n, _, _ in INVALID]
)
def test_what_is_not_valid_is_refused_with_line_and_column(
    home: Home, agent: str, name: str, data: bytes, line: int
) -> None:
    path = place(home, agent, data)
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 4
    # A parser may see what is missing only on the next line.
    places = [f"{path}, line {n}, column " in result.err for n in (line, line + 1)]
    assert any(places), result.err
    assert home.tree() == before


@pytest.mark.parametrize("agent", FILES)
def test_a_chain_of_links_stays_a_chain(home: Home, agent: str) -> None:
    home.agent = agent
    data = {"codex": b"a = 1", "claude": b'{"a": 1}', "vscode": b'{"a": 1}'}[agent]
    store = home.root / "dot files"
    store.mkdir()
    (store / "real").write_bytes(data)
    (store / "real").chmod(0o600)
    (store / "second").symlink_to("real")
    (store / "first").symlink_to(store / "second")
    path = home.root / FILES[agent]
    path.parent.mkdir(parents=True)
    path.symlink_to(
        "/".join([".."] * (len(path.relative_to(home.root).parts) - 1) + ["dot files/first"])
    )
    before = home.tree()

    home.done()
    assert path.is_symlink() and (store / "first").is_symlink() and (store / "second").is_symlink()
    assert b"weilink" in (store / "real").read_bytes()
    home.done()
    home.done("--uninstall")

    assert home.tree() == before


@pytest.mark.parametrize("agent", FILES)
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_cannot_be_written_stops_everything(home: Home, agent: str, kind: str) -> None:
    path = place(home, agent, b"")
    (path if kind == "file" else path.parent).chmod(0o444 if kind == "file" else 0o555)
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 4
    assert "chmod u+w" in result.err
    assert home.tree() == before
    path.parent.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("agent", FILES)
def test_a_foreign_owner_and_group_stay(home: Home, agent: str) -> None:
    path = place(home, agent, b"")
    os.chown(path, 1234, 4321)
    home.done()
    installed = path.stat()
    home.done("--uninstall")

    for status in (installed, path.stat()):
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (1234, 4321, 0o640)


def _acl(uid: int) -> bytes:
    """An access list: what the mode says, and reading for one more user."""
    nobody = 0xFFFFFFFF
    entries = [(1, 6, nobody), (2, 4, uid), (4, 4, nobody), (16, 4, nobody), (32, 0, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.skipif(sys.platform != "linux", reason="attributes of Linux")
@pytest.mark.parametrize("name", ["user.mine", "system.posix_acl_access"])
def test_attributes_and_access_lists_stay(home: Home, name: str) -> None:
    path = place(home, "codex", b"a = 1\n")
    try:
        os.setxattr(path, name, _acl(1234) if "acl" in name else "值".encode())
    except OSError as error:
        pytest.skip(f"not on this disk: {error.strerror}")
    before = os.getxattr(path, name), path.stat().st_mode

    home.done()
    assert (os.getxattr(path, name), path.stat().st_mode) == before
    home.done("--uninstall")
    assert (os.getxattr(path, name), path.stat().st_mode) == before


def test_the_corpus_is_large_enough() -> None:
    from tests.setup import test_files

    assert len(VALID) + len(INVALID) + len(test_files.VALID) + len(test_files.INVALID) >= 60


def test_other_names_of_a_file_are_told(home: Home) -> None:
    path = place(home, "codex", b"a = 1\n")
    os.link(path, home.root / "other name")

    result = home.done()

    assert "2 names" in result.out
    assert (home.root / "other name").read_bytes() == b"a = 1\n"
    home.done("--uninstall")
    assert path.read_bytes() == b"a = 1\n"
