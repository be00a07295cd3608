"""Files as users have them: each is edited as it is, restored as it was, or refused untouched."""

from __future__ import annotations

import json
import os

import pytest

from tests.setup.conftest import Home

VALID = {
    "empty": b"",
    "white space": b" \n\t\n",
    "only a BOM": b"\xef\xbb\xbf",
    "empty object": b"{}",
    "spread empty object": b"{\n\n}\n",
    "BOM and CRLF": b'\xef\xbb\xbf{\r\n\t"model": "opus"\r\n}\r\n',
    "tabs": b'{\n\t"hooks": {\n\t\t"Stop": []\n\t}\n}\n',
    "no newline at the end": b'{\n  "a": [1, 2]\n}',
    "one line": b'{"a":1,"hooks":{"SessionStart":[]}}',
    "newlines at both ends": b'\n\n{\n   "a": 1}\n\n\n',
    "odd style": b'{ "a" :1\n ,"hooks" : { } }',
    "hooks of others": json.dumps(
        {"hooks": {e: [{"hooks": [{"command": "x"}]}] for e in ("SessionStart", "Stop")}},
        indent=3,
    ).encode(),
    "hook in the style of a list": b'{"hooks": {"SessionStart": [{\n  "hooks": []\n}]}}',
    "strange groups": b'{"hooks": {"SessionStart": [null, 1, {"hooks": 3}, {"hooks": [null]}]}}',
    "unicode and escapes": '{"名": "\\u0041\\n/\\/ 🐼 \\ud83d"}'.encode(),
    "large numbers": b'{"n": 1' + b"0" * 4200 + b', "f": 1.10, "e": 1E400}',
    "same key twice elsewhere": b'{"a": 1, "a": 2, "b": {"c": 1, "c": 2}}',
    "large": json.dumps({f"key {n}": "x" * 50 for n in range(4000)}, indent=2).encode(),
}
INVALID = {
    "no JSON": b"hello",
    "cut off": b'{"a": 1,\n "b": [1, 2',
    "comment": b'{\n  // mine\n  "a": 1\n}',
    "trailing comma": b'{\n  "a": 1,\n}',
    "single quotes": b"{'a': 1}",
    "two documents": b"{}\n{}",
    "control character": b'{"a": "\x01"}',
    "NaN": b'{"a": "NaN",\n "b": NaN}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "Latin-1": b'{\n"a": "\xe4"}',
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "hooks is a list": b'{"hooks": []}',
    "hooks is null": b'{"hooks": null}',
    "event is an object": b'{\n "hooks": {"UserPromptSubmit": {}}}',
    "event is a text": b'{"hooks": {"SessionStart": "x"}}',
    "hooks stands twice": b'{"hooks": {}, "hooks": {}}',
    "event stands twice": b'{"hooks": {"SessionStart": [], "SessionStart": []}}',
}
LINE_2 = {"two documents", "cut off", "comment", "NaN", "Latin-1", "event is an object"}


@pytest.mark.parametrize("name", VALID)
def test_valid_files_keep_every_byte(home: Home, name: str) -> None:
    data = home.write_settings(VALID[name], 0o640)
    before = home.tree()

    home.done()
    installed = home.settings.read_bytes()
    home.done()

    assert home.settings.read_bytes() == installed != data
    assert installed.startswith(b"\xef\xbb\xbf") == data.startswith(b"\xef\xbb\xbf")
    assert (b"\r\n" in installed) == (b"\r\n" in data)
    assert len(home.hooks("SessionStart") if name != "strange groups" else [1]) >= 1
    assert home.settings.stat().st_mode & 0o777 == 0o640
    home.done("--uninstall")
    assert home.tree() == before


@pytest.mark.parametrize("name", INVALID)
def test_invalid_files_are_refused_with_their_place(home: Home, name: str) -> None:
    home.write_settings(INVALID[name])
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 4, result.err
    # Versions of Python point to the comma or to what follows it.
    lines = (2, 3) if name == "trailing comma" else (2,) if name in LINE_2 else (1,)
    assert any(f"{home.settings}, line {n}, column " in result.err for n in lines), result.err
    assert home.tree() == before


def test_a_later_invalid_file_stops_everything(home: Home) -> None:
    home.write_settings(b"{}")
    home.servers.write_text("{")
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 4
    assert str(home.servers) in result.err
    assert home.tree() == before


def test_uninstall_from_a_file_broken_since_is_refused(home: Home) -> None:
    home.done()
    home.settings.write_text(home.settings.read_text() + "}")
    before = home.tree()

    result = home.setup("--yes", "--uninstall")

    assert result.code == 4
    assert home.tree() == before


def test_a_read_only_file_is_refused(home: Home) -> None:
    home.write_settings(b"{}", 0o444)
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 4
    assert str(home.settings) in result.err and "chmod u+w" in result.err
    assert home.tree() == before


def test_a_read_only_folder_is_refused(home: Home) -> None:
    home.write_settings(b"{}")
    home.settings.parent.chmod(0o555)
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 4
    assert str(home.settings.parent) in result.err and "chmod u+w" in result.err
    assert home.tree() == before
    home.settings.parent.chmod(0o755)


def test_symbolic_links_are_written_through(home: Home) -> None:
    dotfiles = home.root / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "real.json").write_text('{\n  "a": 1\n}\n')
    (dotfiles / "hop.json").symlink_to("real.json")
    home.settings.parent.mkdir()
    home.settings.symlink_to(dotfiles / "hop.json")
    before = home.tree()

    home.done()

    assert home.settings.is_symlink() and (dotfiles / "hop.json").is_symlink()
    assert "hooks" in json.loads((dotfiles / "real.json").read_text())
    home.done("--uninstall")
    assert home.tree() == before


def test_a_link_to_nothing_gets_its_file(home: Home) -> None:
    home.settings.parent.mkdir()
    home.settings.symlink_to(home.root / "later" / "settings.json")
    before = home.tree()

    home.done()

    assert home.settings.is_symlink()
    assert (home.root / "later" / "settings.json").is_file()
    home.done("--uninstall")
    assert home.tree() == before


def test_links_in_a_circle_are_refused(home: Home) -> None:
    home.settings.parent.mkdir()
    home.settings.symlink_to("other.json")
    (home.settings.parent / "other.json").symlink_to("settings.json")
    before = home.tree()

    result = home.setup("--yes")

    assert result.code == 4
    assert str(home.settings) in result.err
    assert home.tree() == before


def test_a_linked_folder_is_followed(home: Home) -> None:
    (home.root / "dotfiles").mkdir()
    (home.root / ".claude").symlink_to("dotfiles")
    before = home.tree()

    home.done()

    assert (home.root / "dotfiles" / "settings.json").is_file()
    home.done("--uninstall")
    assert home.tree() == before


@pytest.mark.parametrize("kind", ["folder", "pipe", "file as folder"])
def test_what_is_no_file_is_refused(home: Home, kind: str) -> None:
    if kind == "file as folder":
        (home.root / ".claude").write_text("")
    else:
        home.settings.parent.mkdir()
        home.settings.mkdir() if kind == "folder" else os.mkfifo(home.settings)
    names = sorted(str(path) for path in home.root.rglob("*"))

    result = home.setup("--yes")

    assert result.code == 4
    assert ".claude" in result.err
    assert sorted(str(path) for path in home.root.rglob("*")) == names


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_the_owner_is_kept(home: Home) -> None:
    home.write_settings(b"{}", 0o640)
    os.chown(home.settings, 12, 34)
    home.done()

    status = home.settings.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12, 34, 0o640)


def test_any_umask_gives_private_files(home: Home) -> None:
    old = os.umask(0o777)
    try:
        home.done()
    finally:
        os.umask(old)

    assert home.settings.stat().st_mode & 0o777 == 0o600
    assert home.base.stat().st_mode & 0o777 == 0o700


def test_a_damaged_manifest_is_named(home: Home) -> None:
    home.done()
    manifest = home.base / "setup" / "manifest.json"
    manifest.write_text('{"version": 1')

    result = home.setup("--yes", "--uninstall")

    assert result.code == 4
    assert str(manifest) in result.err


def test_a_lost_manifest_is_made_again(home: Home) -> None:
    before = home.tree()
    home.done()
    (home.base / "setup" / "manifest.json").unlink()

    assert "nothing was changed" in home.done().out
    home.done("--uninstall")

    # That the folders are ours is forgotten.
    kept = {".weilink", ".weilink/hooks", ".claude", ".claude/skills", ".claude/skills/weilink"}
    assert set(home.tree()) == set(before) | kept


def test_secrets_of_others_are_not_shown(home: Home) -> None:
    secrets = {
        "apiKey": "hidden-1",
        "mcpServers": {"x": {"env": {"PASS": "hidden-2"}, "headers": {"A": "Bearer hidden-3"}}},
        "url": "https://user:hidden-4@example.com",
        "customApiKeyResponses": {"approved": ["hidden-5"]},
        "other": "sk-ant-hidden-6-0123456789",
    }
    home.servers.write_text(json.dumps(secrets, indent=1))
    home.write_settings(json.dumps(secrets).encode())

    result = home.setup("--dry-run")

    assert result.code == 0
    assert "•••" in result.out
    assert "hidden-" not in result.out


def test_a_long_line_is_cut_to_what_changes(home: Home) -> None:
    home.write_settings(json.dumps({"a": ["word "] * 50000}).encode())

    result = home.setup("--dry-run", "--json")

    diff = next(f["diff"] for f in result.json["files"] if f["path"] == str(home.settings))
    assert len(diff) < 5000
    assert "UserPromptSubmit" in diff
