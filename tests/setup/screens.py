"""Capture the wizard, the diff and the doctor from a terminal: `python -m tests.setup.screens`.

Writes SVG files into `docs/images/`. The agents are the real ones; names of this computer's folders
are replaced before the terminal sees them.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.agents import programs
from tests.setup.test_terminal import COMMAND
from weilink.agents.shell import lasting_python

IMAGES = Path(__file__).parents[2] / "docs" / "images"
COLUMNS, ROWS = 80, 160
ENTER = "\r"
STYLES = {"default": None, "brown": "yellow", "brightbrown": "bright_yellow"}


def prepare(home: Path) -> dict[str, str]:
    """Make a home with both agents in it; return the environment of its user."""
    binaries = home / ".local" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "claude").symlink_to(programs.fetch(programs.CLAUDE))
    (binaries / "codex").symlink_to(programs.fetch(programs.CODEX))
    (home / "project").mkdir()
    (home / ".claude").mkdir()
    theirs = '{"hooks": [{"type": "command", "command": "say done"}]}'
    settings = f'{{\n  "model": "opus",\n  "hooks": {{\n    "Stop": [{theirs}]\n  }}\n}}\n'
    (home / ".claude" / "settings.json").write_text(settings)
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(
        '# my settings\nmodel = "gpt-6"   # the good one\n'
    )
    return {
        "HOME": str(home),
        "PATH": f"{binaries}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "DISABLE_AUTOUPDATER": "1",
    }


def play(home: Path, env: dict[str, str], keys: list[tuple[str, str]], *arguments: str) -> str:
    """Run `weilink` and answer; return all that it wrote."""
    child = pexpect.spawn(
        sys.executable,
        [*COMMAND, *arguments],
        cwd=str(home / "project"),
        env=env,
        dimensions=(ROWS, COLUMNS),
        timeout=60,
        encoding="utf-8",
    )
    written = ""
    for text, key in keys:
        child.expect_exact(text)
        written += str(child.before) + str(child.after)
        child.send(key)
    child.expect(pexpect.EOF, timeout=120)
    written += str(child.before)
    child.close()
    return written


def picture(name: str, title: str, written: str, home: Path) -> None:
    """Let a terminal read it, and draw what that shows."""
    for path, shown in (
        (str(home), "/home/me"),
        (sys.prefix, "/home/me/weilink/.venv"),
        (str(lasting_python()), "/usr/bin/python3"),
    ):
        written = written.replace(path, shown)
    screen = pyte.Screen(COLUMNS, ROWS)
    pyte.Stream(screen).feed(written)
    lines = [line.rstrip() for line in screen.display]
    last = max(number for number, line in enumerate(lines) if line)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for number in range(last + 1):
        text = Text()
        row = screen.buffer[number]
        for column in range(COLUMNS):
            cell = row[column]
            if cell.data:
                text.append(cell.data, Style(color=colour(cell.fg), bold=cell.bold))
        text.rstrip()
        console.print(text, soft_wrap=True)
    IMAGES.mkdir(exist_ok=True)
    console.save_svg(str(IMAGES / f"{name}.svg"), title=title)


def colour(name: str) -> str | None:
    name = STYLES.get(name, name) or ""
    if len(name) == 6 and all(digit in "0123456789abcdef" for digit in name):
        return f"#{name}"
    return name.replace("bright", "bright_").replace("__", "_") or None


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        env = prepare(home)
        no = [("Write this?", "n" + ENTER)]
        diff = play(home, env, no, "setup", "claude", "--hooks", "prompt")
        picture("setup-diff", "weilink setup claude --hooks prompt", diff, home)
        keys = [(question, ENTER) for question in ("Which agents", "by itself", "For whom",
                "reach WeiLink", "Log in to", "Write this", "Trust these")]  # fmt: skip
        wizard = play(home, env, keys, "setup")
        picture("setup-wizard", "weilink setup", shortened(wizard), home)
        doctor = play(home, env, [], "doctor")
        picture("doctor", "weilink doctor", doctor, home)


def shortened(written: str) -> str:
    """Leave out the diff, which has a picture of its own."""
    start = written.index("will be set up:")
    start = written.rindex("\n", 0, start) + 1
    end = written.index("Write this?")
    end = written.rindex("\n", 0, end) + 1
    return (
        written[:start]
        + "\x1b[2m  … what it will write, and every change, as a diff …\x1b[0m\r\n"
        + written[end:]
    )


if __name__ == "__main__":
    main()
