"""Agents, who got which message, hooks and their health, and the log, in the panel."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pages.axe import findings
from tests.pages.conftest import Opener, Words
from tests.pages.faces import log_in
from tests.pages.panel import COMBINATIONS, FOUR, base, link, phone, view
from tests.routing.agent import Agent
from tests.support.server import Server
from weilink.assets import asset
from weilink.sandbox.phone import Phone

__all__ = ["base", "link", "phone"]
pytestmark = pytest.mark.browser
Start = Callable[[str], Agent]


@pytest.fixture
def server(base: Path, phone: Phone) -> Server:
    """The commands and hooks of the base path; its server is the panel."""
    log_in(base, phone)
    hooks = base / "hooks"
    hooks.mkdir(mode=0o700)
    shutil.copy(asset("hooks", "weilink_hook.py"), hooks)
    return Server(base, phone)


@pytest.fixture
def start(server: Server, tmp_path: Path) -> Iterator[Start]:
    agents: list[Agent] = []

    def start(session: str) -> Agent:
        folder = tmp_path / "项目 <b>" / session
        folder.mkdir(parents=True)
        agents.append(Agent(server, session, folder))
        return agents[-1]

    yield start
    for agent in agents:
        agent.close()


@FOUR
def test_agents_and_who_got_what(
    open_page: Opener,
    server: Server,
    link: str,
    phone: Phone,
    start: Start,
    lang: str,
    width: int,
    dark: bool,
) -> None:
    say = Words(lang)
    phone.wait_polling(timeout=20)
    page = open_page(link, width=width, lang=lang, dark=dark)
    view(page, "agents")
    expect(page.get_by_text(say("No agent session is open."))).to_be_visible()

    # A session comes by itself, works, and waits.
    first = start("first-session")
    first.hook("SessionStart", source="startup")
    card = page.get_by_role("article", name="1 Claude Code")
    expect(card.get_by_text(say("none yet"))).to_be_visible()
    first.prompt("hello")
    expect(card.get_by_text(say("working"), exact=True)).to_be_visible()
    expect(card.get_by_text(say("none yet"))).to_have_count(0)
    first.hook("Stop")
    expect(card.get_by_text(say("waits for you"), exact=True)).to_be_visible()
    expect(card.get_by_text(str(first.folder))).to_be_visible()
    expect(card.get_by_text(say("whatever is not bound"))).to_be_visible()
    phone.write("so that alice is known")
    phone.write("let me in", user="bob")
    phone.wait_for(author="user", contains="let me in", user="bob", acknowledged=True)
    assert "so that alice" in first.prompt()
    first.hook("Stop")

    # Bound to the other session, by keyboard: the first one gets nothing.
    second = start("second-session")
    second.hook("SessionStart", source="startup")
    expect(page.get_by_role("article", name="2 Claude Code")).to_be_visible()
    form = page.get_by_role("form", name=say("Bind somebody"))
    whose = form.get_by_role("combobox", name=say("Messages of a person, or to a bot"))
    target = form.get_by_role("combobox").last
    whose.select_option("alice@im.wechat")
    target.select_option("session first-session")
    form.get_by_role("button", name=say("Bind")).focus()
    page.keyboard.press("Enter")
    bound = page.locator(".bound", has_text="alice@im.wechat")
    expect(bound).to_contain_text(str(first.folder))
    expect(card.get_by_text("alice@im.wechat")).to_be_visible()
    assert findings(page) == []
    phone.write("for one of them")
    phone.wait_for(author="user", contains="for one", acknowledged=True)
    assert second.prompt() == ""

    # In the conversations: it waits, then who got it where and when, then that it was read.
    view(page, "messages")
    message = page.locator(".message", has_text="for one of them")
    expect(message.get_by_text(say("waits for an agent"))).to_be_visible()
    assert "for one of them" in first.prompt()
    given = message.locator(".given")
    where = say("{agent} in {folder}", agent="Claude Code", folder=first.folder)
    expect(given).to_contain_text(say("given to {reader}", reader=where))
    expect(given).to_contain_text(say("not yet seen to be read"))
    expect(given.locator("time")).to_have_count(1)
    first.hook("Stop")
    expect(given).not_to_contain_text(say("not yet seen to be read"))
    expect(message.get_by_text(say("delivered"), exact=True)).to_be_visible()

    # Listed by where they stand, and by who has them.
    states = page.get_by_label(say("Delivery"))
    states.select_option("held")
    expect(page.locator(".message")).to_have_count(1)
    expect(page.locator(".message")).to_contain_text("let me in")
    states.select_option("pending")
    expect(page.get_by_text(say("Nothing is found."))).to_be_visible()
    states.select_option("claimed")
    expect(page.get_by_text(say("Nothing is found."))).to_be_visible()
    states.select_option("")
    page.get_by_label(say("Given to")).select_option(label=where)
    expect(page.locator(".message")).to_have_count(2)
    expect(page.locator(".message").first).to_contain_text("for one of them")
    assert findings(page) == []

    # A session that ends goes by itself; what it got stays known.
    first.close()
    expect(message.locator(".given")).to_contain_text(where)
    view(page, "agents")
    expect(card).to_have_count(0)
    expect(bound.locator(".problem")).to_be_visible()
    bound.get_by_role("button").click()
    expect(bound).to_have_count(0)

    # To any session of an agent, and to those of a folder that has to be there.
    bot = server.json("sessions")["sessions"][0]["bot_id"]
    whose.select_option(bot)
    target.select_option("agent codex")
    form.get_by_role("button", name=say("Bind")).click()
    bound = page.locator(".bound", has_text=bot)
    expect(bound).to_contain_text(say("any session of {agent}", agent="Codex"))
    target.select_option("cwd ")
    folder = form.get_by_role("textbox")
    folder.fill("/no/such 文件夹")
    form.get_by_role("button", name=say("Bind")).click()
    expect(page.get_by_role("status").get_by_text("/no/such 文件夹")).to_be_visible()
    folder.fill(str(second.folder.parent))
    form.get_by_role("button", name=say("Bind")).click()
    expect(bound).to_contain_text(say("sessions in {folder}", folder=second.folder.parent))
    assert findings(page) == []
    assert [one["kind"] for one in server.json("agents")["bindings"]] == ["cwd"]
    # The browser itself writes down the refusal.
    open_page.errors[:] = [error for error in open_page.errors if "agents/bind" not in error]


def test_hooks_and_their_health_and_the_log_of_every_process(
    open_page: Opener, server: Server, link: str, phone: Phone
) -> None:
    done = server.weilink("setup", "claude", "--yes")
    assert done.returncode == 0, done.stderr
    phone.wait_polling(timeout=20)
    phone.write("to the shell, secretly")
    phone.wait_for(author="user", contains="to the shell", acknowledged=True)
    assert "to the shell" in server.weilink("recv").stdout
    settings = server.base.parent / ".claude" / "settings.json"
    whole = settings.read_text()
    pages = []
    for lang, width, dark in COMBINATIONS:
        say = Words(lang)
        page = open_page(link, width=width, lang=lang, dark=dark)
        pages.append((page, say))

        # All is well with the hooks, said in the language of the page.
        view(page, "health")
        hooks = page.get_by_role("region", name=say("Hooks and agents"))
        well = {"en": "everything is in place", "zh": "一切就绪"}[lang]
        expect(hooks.locator(".finding", has_text=well)).to_be_visible(timeout=30_000)
        assert findings(page) == []

    given = json.loads(whole)
    del given["hooks"]
    settings.write_text(json.dumps(given))
    for page, say in pages:
        # Somebody took them out: what, why, and the command that puts them back.
        page.get_by_role("button", name=say("Check again")).click()
        hooks = page.get_by_role("region", name=say("Hooks and agents"))
        broken = hooks.locator(".message", has=page.locator(".badge.bad"))
        expect(broken).to_contain_text(str(settings), timeout=30_000)
        expect(broken.locator("p")).not_to_be_empty()
        expect(broken.locator("code")).to_contain_text("weilink setup claude")
        assert findings(page) == []
        # What was found is kept: opened again it is there at once.
        page.reload()
        expect(broken).to_contain_text(str(settings))

        # The log has the lines of a process that came and went, and of the one that serves.
        view(page, "log")
        log = page.get_by_role("log")
        expect(log).to_contain_text("1 messages for shell")
        expect(log).to_contain_text("this process leads now")
        names = page.get_by_label(say("Process"))
        every = names.locator("option").all_inner_texts()
        names.select_option(next(one for one in every if one.startswith("recv ")))
        expect(log).not_to_contain_text("this process leads now")
        expect(log).to_contain_text("1 messages for shell")
        page.get_by_label(say("At least")).select_option("ERROR")
        expect(log).to_contain_text(say("No lines."))
        page.get_by_label(say("At least")).select_option("DEBUG")
        page.get_by_label(say("Contains")).fill("NO SUCH LINE")
        expect(log).to_contain_text(say("No lines."))
        assert findings(page) == []
    text = (server.base / "run" / "weilink.log").read_text("utf-8")
    token = json.loads((server.base / "default" / "token.json").read_text())["token"]
    assert "secretly" not in text
    assert token not in text
