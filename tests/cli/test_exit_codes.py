"""Each kind of failure has its exit code and one line that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Weilink


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["recv", "-t", "0"], 3, "weilink login"),
        (["send", "somebody", "--text", "hello"], 3, "weilink login"),
        (["logout"], 3, "weilink login"),
        (["sessions", "default", "work"], 3, "weilink login"),
        (["send", "somebody"], 2, "--text"),
        (["recv", "-t", "soon"], 2, "'soon'"),
        (["recv", "-t", "nan"], 2, "'nan'"),
        (["history", "--since", "yesterday"], 2, "ISO 8601"),
        (["history", "--since", "²"], 2, "ISO 8601"),
        (["history", "--since", "9" * 5000], 2, "ISO 8601"),
        (["login", "a/b"], 2, "'a/b'"),
        (["login", "run"], 2, "'run'"),
        (["nonsense"], 2, "nonsense"),
    ],
)
@pytest.mark.slow
def test_a_failure(weilink: Weilink, arguments: list[str], code: int, said: str) -> None:
    done = weilink(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_service_is_a_failure_that_names_the_host(weilink: Weilink) -> None:
    done = weilink("login", WEILINK_ILINK_BASE_URL="http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith("weilink: ") and "127.0.0.1" in done.stderr
    assert "Check the network" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("below", ["", "sub/sub"])
@pytest.mark.parametrize("as_option", [True, False])
def test_a_base_path_that_is_a_file(
    weilink: Weilink, tmp_path: Path, below: str, as_option: bool
) -> None:
    file = tmp_path / "a file"
    file.write_text("")
    place = str(file / below)
    if as_option:
        done = weilink("-d", place, "status")
    else:
        done = weilink("status", WEILINK_BASE_PATH=place)
    assert done.returncode == 2
    assert f"{file} is a file; --base-path must name a folder" in done.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a place where nobody makes folders")
def test_a_base_path_that_cannot_be_made(weilink: Weilink) -> None:
    done = weilink("status", WEILINK_BASE_PATH="/proc/weilink")
    assert done.returncode == 1
    assert "the folder /proc/weilink cannot be made" in done.stderr
    assert "--base-path" in done.stderr and "Traceback" not in done.stderr


def test_a_database_that_is_none(weilink: Weilink, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "weilink.db").write_bytes(b"this is no database, and longer than a header" * 100)
    done = weilink("status", WEILINK_BASE_PATH=str(base))
    assert done.returncode == 1
    assert "weilink.db" in done.stderr and "Traceback" not in done.stderr


def test_a_broken_session_does_not_stop_the_others(weilink: Weilink, tmp_path: Path) -> None:
    good, bad = tmp_path / "base" / "good", tmp_path / "base" / "bad"
    good.mkdir(parents=True)
    bad.mkdir()
    (good / "token.json").write_text('{"bot_id": "b", "token": "t"}')
    (bad / "token.json").write_text("{")
    done = weilink("sessions", WEILINK_BASE_PATH=str(tmp_path / "base"))
    assert done.returncode == 0
    assert "good" in done.stdout and "bad" not in done.stdout
    assert str(bad / "token.json") in done.stderr


def test_the_language_of_messages(weilink: Weilink) -> None:
    assert "weilink login" in weilink("sessions", WEILINK_LANG="en").stdout
    assert "还没有登录" in weilink("sessions", WEILINK_LANG="zh").stdout
