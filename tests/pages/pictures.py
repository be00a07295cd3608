"""`python -m tests.pages.pictures`: takes the pictures of docs/images/."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.pages.chromium import FLAGS, chromium
from tests.pages.faces import log_in, running
from tests.pages.samples import png
from tests.routing.agent import Agent
from tests.sandbox.wire import Wire
from tests.support.server import Server
from weilink.assets import asset
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import running_sandbox

# Not the names of this computer.
RENAME = """(names) => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode())
        for (const [name, other] of Object.entries(names))
            walk.currentNode.data = walk.currentNode.data.replaceAll(name, other);
}"""
IMAGES = Path(__file__).parents[2] / "docs" / "images"


def _open(browser: Browser, url: str, width: int, lang: str, dark: bool) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 760 if width > 400 else 680},
        locale=lang,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    return page


def _talk(phone: Phone) -> None:
    wire = Wire(phone)
    wire.token = phone.lab.new_bot().token
    with wire.http:
        phone.write("Are the tests green?")
        context = wire.context()
        wire.updates(wire.updates()["get_updates_buf"])

        def call(number: str, **item: Any) -> None:
            wire.send(
                "", context, f"tool-{number}-{item['type']}", {"item_list": [item], "run_id": "r"}
            )

        for number, name in (("1", "Bash"), ("2", "Read")):
            start = {"tool_name": name, "tool_call_id": number}
            call(number, type=11, tool_call_start_item=start)
        end = {"tool_name": "Bash", "tool_call_id": "1", "status": "completed"}
        call("1", type=12, tool_call_result_item=end)
        answer = wire.send("Yes: 412 passed in 41 s.\n全部通过 👍", context, "answer")
        assert answer["ret"] == 0
        phone.send_media("image", png(220, 130))
        phone.send_media("file", b"x" * 23_456, file_name="报告.pdf")
        quoted = phone.chat(author="bot", client_id="answer")[0].message_id
        phone.write("Then merge it, please.", quote=quoted, quote_style="id")


def _panel(browser: Browser, phone: Phone, folder: Path) -> None:
    base = folder / "weilink"
    log_in(base, phone)
    (base / "hooks").mkdir(mode=0o700)
    shutil.copy(asset("hooks", "weilink_hook.py"), base / "hooks")
    server = Server(base, phone)
    server.weilink("setup", "claude", "--yes")
    with running(base, phone, "admin", "-p", "0") as link, ExitStack() as stack:
        phone.wait_polling(timeout=20)
        agents = []
        for name, agent in (("wetter", "codex"), ("website", "claude")):
            place = folder / "projects" / name
            place.mkdir(parents=True)
            agents.append(Agent(server, f"0199-{name}", place, agent))
            stack.callback(agents[-1].close)
            agents[-1].hook("SessionStart", source="startup")
            agents[-1].prompt("hello")
            agents[-1].hook("Stop")
        phone.write("Are the tests green?")
        phone.wait_for(author="user", contains="Are the", acknowledged=True, timeout=30)
        agents[1].prompt("go on")
        phone.send_media("image", png(220, 130))
        phone.write("May I ask something?", user="bob")
        phone.wait_for(author="user", contains="May I", user="bob", acknowledged=True, timeout=30)
        server.weilink("bind", "bob@im.wechat", "--agent", "codex")
        for name, width, lang, dark, view in (
            ("panel-people", 1280, "en-GB", True, "people"),
            ("panel-messages", 1280, "en-GB", False, "messages"),
            ("panel-agents", 1280, "en-GB", False, "agents"),
            ("panel-health", 1280, "en-GB", False, "health"),
            ("panel-log", 1280, "zh-CN", True, "log"),
            ("panel-zh", 375, "zh-CN", False, "agents"),
        ):
            page = _open(browser, link, width, lang, dark)
            page.locator(f"[data-tab={view}]").click()
            shown = ".log-line" if view == "log" else ".finding" if view == "health" else "article"
            page.locator(shown).first.wait_for()
            page.evaluate("document.querySelector('.base').hidden = true")
            page.evaluate(RENAME, {str(folder): "/home/li", sys.executable: "/usr/bin/python3"})
            page.screenshot(path=IMAGES / f"{name}.png")
            page.context.close()


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright, running_sandbox(longpoll_seconds=1) as phone:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        _talk(phone)
        for name, width, lang, dark in (
            ("phone", 1280, "en-GB", False),
            ("phone-zh-dark", 375, "zh-CN", True),
        ):
            page = _open(browser, phone.base_url, width, lang, dark)
            page.locator(".line.mine .picture img").wait_for()
            page.get_by_text("Then merge it").wait_for()
            page.screenshot(path=IMAGES / f"{name}.png")
        with tempfile.TemporaryDirectory() as folder:
            _panel(browser, phone, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
