"""The log that all processes of a base path share."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from weilink import logs
from weilink.server.admin.logtail import LogTail


def logger(base: Path, name: str = "mcp") -> logging.Logger:
    made = logging.Logger("weilink.test")
    made.addHandler(logs.SharedFile(base, name))
    return made


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base 数据"
    folder.mkdir(mode=0o700)
    return folder


def texts(tail: LogTail, after: int = 0) -> list[str]:
    return [line["text"] for line in tail.after(after)]


def test_a_line_says_who_when_and_what_and_nobody_else_can_read_it(base: Path) -> None:
    umask = os.umask(0)
    try:
        logger(base).info("claim %s", "甲")
    finally:
        os.umask(umask)
    path = base / "run" / logs.NAME
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (line,) = LogTail(base).after(0)
    assert (line["level"], line["name"], line["text"]) == ("INFO", "weilink.test", "claim 甲")
    assert line["who"] == f"mcp {os.getpid()}"
    assert abs(line["at_ms"] / 1000 - path.stat().st_mtime) < 5


def test_no_text_forges_a_line(base: Path) -> None:
    forged = "2026-01-01T00:00:00.000Z ERROR mcp[1] weilink: forged"
    logger(base).info("one\n%s\r%s\u2028%s", forged, forged, forged)
    try:
        raise ValueError(f"two\n{forged}")
    except ValueError:
        logger(base).exception("failed \ud83d")
    lines = LogTail(base).after(0)
    assert [line["level"] for line in lines] == ["INFO", "ERROR"]
    assert lines[0]["text"].count("forged") == 3
    assert "Traceback" in lines[1]["text"]


def test_the_tail_reads_on_and_through_the_start_of_a_new_file(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 4000)
    log, tail = logger(base), LogTail(base)
    seen: list[str] = []
    last = 0
    for n in range(200):
        log.info("line %d", n)
        if n % 7 == 0:
            lines = tail.after(last)
            seen += [line["text"] for line in lines]
            last = lines[-1]["n"]
    seen += texts(tail, last)
    assert seen == [f"line {n}" for n in range(200)]
    files = sorted(path.name for path in (base / "run").iterdir() if path.suffix != ".lock")
    assert files == [logs.NAME, f"{logs.NAME}.1"]
    # One that comes later sees the old file as well.
    late = texts(LogTail(base))
    assert late == [f"line {n}" for n in range(200 - len(late), 200)]
    assert len(late) > 40


def test_a_line_that_is_half_written_is_read_when_it_is_whole(base: Path) -> None:
    log, tail = logger(base), LogTail(base)
    log.info("one")
    path = base / "run" / logs.NAME
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(whole.replace(b"one", "半".encode())[:-2])
    assert texts(tail) == ["one"]
    with path.open("ab") as file:
        file.write("半".encode()[-1:] + b"\n")
    assert texts(tail) == ["one", "半"]
    path.write_bytes(b"rubbish\n\xff\n" + whole)
    assert texts(tail) == ["one", "半", "one"]


@pytest.mark.parametrize("way", ["no base path", "a link", "a folder in the way", "run is a file"])
def test_where_it_cannot_be_written_nothing_breaks(
    tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base, elsewhere = tmp_path / "base", tmp_path / "elsewhere"
    if way != "no base path":
        base.mkdir()
    if way == "a link":
        (base / "run").mkdir()
        (base / "run" / logs.NAME).symlink_to(elsewhere)
    elif way == "a folder in the way":
        (base / "run" / logs.NAME).mkdir(parents=True)
    elif way == "run is a file":
        (base / "run").touch()
    logger(base).info("lost")
    assert LogTail(base).after(0) == []
    assert base.exists() == (way != "no base path")
    assert not elsewhere.exists()
    assert capsys.readouterr().err == ""


def test_many_processes_write_whole_lines_and_lose_none_but_the_oldest(base: Path) -> None:
    script = (
        "import logging, sys; from pathlib import Path; from weilink import logs\n"
        "logs.MOST_BYTES = 60_000\n"
        "log = logging.Logger('weilink.test')\n"
        "log.addHandler(logs.SharedFile(Path(sys.argv[1]), 'mcp'))\n"
        "for n in range(400): log.info('%s %d %s', sys.argv[2], n, 'x' * 50)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(base), str(number)])
        for number in range(4)
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    lines = texts(LogTail(base))
    by_writer: dict[str, list[int]] = {}
    for line in lines:
        writer, n, rest = line.split(" ")
        assert rest == "x" * 50
        by_writer.setdefault(writer, []).append(int(n))
    for numbers in by_writer.values():
        assert numbers == list(range(numbers[0], 400))
    assert len(lines) > 400
