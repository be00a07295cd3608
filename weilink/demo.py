"""The product in 20 seconds, without an account: `make demo` or `python -m weilink.demo`.

Everything shown is real but the phone: the login, the server, the hook that `weilink setup`
installs for Claude Code, the MCP tool that answers. It happens in a folder that is thrown away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import anyio
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client
from rich.align import Align
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess
from weilink.service.outcomes import state_word

console = Console(highlight=False)
_step = 0


def step(text: str) -> None:
    """Say in one line what happens next."""
    global _step
    _step += 1
    console.print(f"\n[bold green]{_step}[/] {text}")


def bubble(text: str, *, mine: bool) -> None:
    """Draw one message as the phone shows it."""
    width = min(console.width, 80)
    panel = Panel(Text(text), border_style="green" if mine else "white", expand=False)
    console.print(Align(panel, "right" if mine else "left", width=width))


def show(content: RenderableType, title: str) -> None:
    """Draw a frame around `content`."""
    console.print(
        Panel(content, title=title, title_align="left", width=min(console.width, 80)), style="dim"
    )


def weilink(*arguments: str) -> list[str]:
    """Return a `weilink` command line."""
    return [sys.executable, "-m", "weilink", *arguments]


def log_in(phone: Phone, env: Mapping[str, str]) -> None:
    """Run `weilink login` as a user would, while the phone scans."""
    login = subprocess.Popen(weilink("login"), env=env)
    phone.log_in()
    if login.wait(30) != 0:
        raise WeiLinkError("weilink login failed")


def set_up(home: Path, env: Mapping[str, str]) -> str:
    """Run `weilink setup claude` and return the command of the hook that it installed."""
    done = subprocess.run(
        weilink("setup", "claude", "--yes"), env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise WeiLinkError(done.stderr)
    settings = json.loads((home / ".claude" / "settings.json").read_text("utf-8"))
    command = settings["hooks"]["UserPromptSubmit"][0]["hooks"][0]["command"]
    assert isinstance(command, str)  # noqa: S101  (our own file)
    return command


def run_hook(command: str, env: Mapping[str, str], folder: Path) -> str:
    """Run the hook as Claude Code does, and return the text that goes beside the prompt."""
    prompt = {
        "hook_event_name": "UserPromptSubmit",
        "session_id": "demo",
        "cwd": str(folder),
        "prompt": "go on",
    }
    done = subprocess.run(  # noqa: S602  (agents run hooks in a shell)
        command,
        shell=True,
        env=env,
        input=json.dumps(prompt),
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise WeiLinkError(f"the hook printed nothing (exit code {done.returncode}) {done.stderr}")
    return str(json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"])


async def play(phone: Phone, home: Path, env: dict[str, str]) -> None:
    """Everything after the login."""
    step(t("[bold]weilink setup claude[/]: hooks, the MCP server and a skill go into a home"))
    command = set_up(home, env)
    show(Syntax(command, "sh", word_wrap=True, theme="ansi_dark"), t("the hook"))

    step(t("Claude Code starts the MCP server, as it does with every session"))
    server = StdioServerParameters(command=sys.executable, args=weilink("mcp")[1:], env=env)
    with open(os.devnull, "w", encoding="utf-8") as log:  # noqa: PTH123, ASYNC230
        async with Client(stdio_client(server, errlog=log)) as agent:
            tools = [tool.name for tool in (await agent.list_tools()).tools]
            console.print(t("  tools: {names}", names=", ".join(tools)))
            await anyio.to_thread.run_sync(phone.wait_polling)

            step(t("You, away from the computer, write in WeChat"))
            phone.write(t("Do the tests pass? 🙂"))
            phone.wait_for(author="user", acknowledged=True)
            bubble(t("Do the tests pass? 🙂"), mine=True)

            step(t("At the next prompt the hook puts this beside it, for the model to read"))
            show(Text(run_hook(command, env, home)), t("what reaches the prompt"))

            step(t("The model answers with the tool [bold]send[/]"))
            answer = t("All 214 pass ✅ in 31 seconds. Shall I open the pull request?")
            result = await agent.call_tool("send", {"to": phone.user_id(), "text": answer})
            state = (result.structured_content or {})["parts"][0]["state"]
            console.print(t("  WeChat says: {state}", state=state_word(state)))

            step(t("And in your chat stands"))
            for message in phone.chat():
                bubble(message.text, mine=message.author == "user")


def next_steps() -> None:
    """Say what to do with all this."""
    console.print(
        t(
            "\n[bold]Now for real[/]\n"
            "  .venv/bin/weilink login         scan the code with your WeChat\n"
            "  .venv/bin/weilink setup claude  shows what it would change, then asks\n"
            "  claude                          and write to the bot from your phone"
        )
    )


def main() -> int:
    """Play the demo; return the exit code."""
    console.print(t("[bold]WeiLink[/]: write to your coding agent from WeChat. A demo."))
    try:
        with tempfile.TemporaryDirectory(prefix="weilink-demo-") as folder:
            step(t("An embedded WeChat starts on this computer; nothing leaves it"))
            sandbox = SandboxProcess.start()
            try:
                home = Path(folder)
                env = _environment(home, sandbox.phone)
                step(t("[bold]weilink login[/]: a phone scans this code and confirms"))
                log_in(sandbox.phone, env)
                anyio.run(play, sandbox.phone, home, env)
            finally:
                sandbox.stop()
        next_steps()
    except WeiLinkError as error:
        console.print(t("The demo stopped: {error}", error=error))
        return 1
    return 0


def _environment(home: Path, phone: Phone) -> dict[str, str]:
    """Return an environment that touches nothing of the user's."""
    keep = ("PATH", "LANG", "LC_ALL", "WEILINK_LANG", "TERM", "COLORTERM", "SYSTEMROOT")
    kept = {name: os.environ[name] for name in keep if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "WEILINK_BASE_PATH": str(home / ".weilink"),
        **phone.environment,
    }


if __name__ == "__main__":
    sys.exit(main())
