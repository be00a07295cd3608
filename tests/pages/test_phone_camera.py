"""A real camera, as the browser sees it, pointed at the QR code that a terminal shows."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.pages.axe import findings
from tests.pages.chromium import FLAGS, chromium
from tests.pages.conftest import Opener, Words
from tests.pages.steps import VIEWS, bare_sandbox
from weilink.sandbox.codes import can_read
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess

pytestmark = pytest.mark.browser
WIDTH, HEIGHT = 640, 480
HALVES = {" ": (0, 0), "\N{NO-BREAK SPACE}": (0, 0), "█": (1, 1), "▀": (1, 0), "▄": (0, 1)}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    process = SandboxProcess.start()
    process.phone.lab.set_options(login_poll_seconds=0.2)
    yield process
    process.stop()


def cells(terminal: str) -> list[list[int]]:
    """The light and dark halves of the characters of a QR code in a terminal."""
    lines = [line for line in terminal.splitlines() if line and not set(line) - set(HALVES)]
    return [[HALVES[one][half] for one in line] for line in lines for half in (0, 1)]


def film(terminal: str, path: Path) -> None:
    """Write what a camera sees that somebody holds a little askew in front of a dark screen."""
    code = cells(terminal)
    size, zoom, turn = len(code[0]), 10.0, math.radians(6)
    frame = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            dx, dy = x - WIDTH / 2, y - HEIGHT / 2
            column = int((dx * math.cos(turn) + dy * math.sin(turn)) / zoom + size / 2)
            row = int((dy * math.cos(turn) - dx * math.sin(turn)) / zoom + len(code) / 2)
            light = 0 <= row < len(code) and 0 <= column < size and code[row][column]
            frame.append(30 + (150 + x // 16 if light else y // 24))
    grey = bytes([128]) * (WIDTH * HEIGHT // 2)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode())
        for _ in range(5):
            file.write(b"FRAME\n" + frame + grey)


@pytest.mark.skipif(not can_read(), reason="zxing-cpp is not installed")
@VIEWS
def test_the_camera_scans_the_code_of_weilink_login(
    browser: Browser,
    sandbox: SandboxProcess,
    tmp_path: Path,
    lang: str,
    width: int,
    dark: bool,
) -> None:
    say = Words(lang)
    user = f"{lang}{width}"
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONUTF8": "1",
        "WEILINK_LANG": lang,
        "WEILINK_BASE_PATH": str(tmp_path / "weilink"),
        **sandbox.phone.environment,
    }
    command = [sys.executable, "-m", "weilink", "login"]
    with (
        Phone(sandbox.phone.base_url, user=user) as phone,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, encoding="utf-8") as login,
    ):
        assert login.stdout is not None
        shown = ""
        while "http://" not in shown:
            line = login.stdout.readline()
            assert line, shown
            shown += line
        film(shown, tmp_path / "camera.y4m")
        pointed = browser.browser_type.launch(
            executable_path=chromium(),
            args=[*FLAGS, f"--use-file-for-fake-video-capture={tmp_path / 'camera.y4m'}"],
        )
        opener = Opener(pointed)
        page = opener(f"{phone.base_url}/?user={user}", width=width, lang=lang, dark=dark)
        page.get_by_role("button", name=say("Scan with the camera")).click()
        confirm = page.get_by_role("button", name=say("Log in"), exact=True)
        expect(confirm).to_be_visible(timeout=20_000)
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert findings(page) == []
        confirm.click()
        assert login.wait(20) == 0
        expect(page.get_by_label(say("Write to the bot"))).to_be_visible()
        opener.close()
        pointed.close()
    assert opener.errors == []


def test_where_nothing_can_read_codes_the_page_says_what_helps(
    open_page: Opener, tmp_path: Path
) -> None:
    with bare_sandbox(tmp_path) as phone:
        page = open_page(phone.base_url)
        page.get_by_role("button", name="Scan with the camera").click()
        if not page.evaluate("'BarcodeDetector' in window"):
            expect(page.get_by_role("alert")).to_contain_text("zxing-cpp")
        assert findings(page) == []
        open_page.close()
