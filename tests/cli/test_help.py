"""The help texts kept in files are those of the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import helptext


@pytest.mark.parametrize("path", helptext.files(), ids=lambda path: str(path.name))
def test_a_kept_help_text_is_that_of_the_program(path: Path) -> None:
    assert path.read_text("utf-8") == helptext.files()[path], "run 'make docs'"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_quick_help_is_the_help(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "weilink", option], capture_output=True, text=True, check=True
    )
    assert done.stdout == helptext.files()[helptext.ROOT / "weilink" / "cli" / "help.txt"]


def test_the_quick_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['weilink', '--help']; from weilink.cli import main; main();"
        "print(sorted({'click', 'httpx', 'mcp', 'pydantic', 'anyio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("command", [["--help"], ["login", "--help"]])
def test_a_reader_that_leaves_early_is_no_failure(command: list[str]) -> None:
    weilink = [sys.executable, "-m", "weilink", *command]
    with subprocess.Popen(weilink, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == ("", 0)
