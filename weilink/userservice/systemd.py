"""The service as a user unit of systemd: see systemd.service(5) and systemd.syntax(7)."""

from __future__ import annotations

import configparser
import getpass
from pathlib import Path

from weilink.agents.places import settings_folder
from weilink.assets import asset
from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.userservice.base import Server, State, call, demand

UNIT = "weilink.service"
# In the name of a program systemd takes no quotes, and variables only as they are.
_REFUSED = frozenset("\"'\\$")
_SECTION = "X-WeiLink"  # systemd leaves sections whose names begin so to others


class Systemd:
    """`systemctl --user`."""

    @property
    def file(self) -> Path:
        """The user's own unit."""
        return settings_folder("linux") / "systemd" / "user" / UNIT

    def content(self, server: Server) -> bytes:
        """Return the unit."""
        program, *arguments = server.command
        if _REFUSED.intersection(program):
            program, arguments = "/usr/bin/env", [program, *arguments]
        values = {
            "command": " ".join(
                [_word(program), *(_word(word).replace("$", "$$") for word in arguments)]
            ),
            "environment": "\n".join(
                f"Environment={_word(f'{name}={value}')}"
                for name, value in sorted(server.environment.items())
            ),
            "facts": "\n".join(f"{name}={value}" for name, value in server.facts.items()),
        }
        text = asset("templates", "service/weilink.service").read_text("utf-8")
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text.encode()

    def facts(self, content: bytes) -> dict[str, str]:
        """Return what the unit says of the server."""
        parser = configparser.RawConfigParser(
            strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=("#", ";")
        )
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            parser.read_string(content.decode())
        except (configparser.Error, UnicodeDecodeError):
            return {}
        return dict(parser[_SECTION]) if parser.has_section(_SECTION) else {}

    def check(self) -> None:
        """Do nothing when the user's systemd answers."""
        done = call("systemctl", "--user", "show-environment")
        if done.returncode:
            raise WeiLinkError(
                t(
                    "systemd does not run for you here ({said}); keep 'weilink mcp -t http' "
                    "running by whatever starts programs on this computer",
                    said=done.stderr.strip(),
                )
            )

    def start(self) -> None:
        """Read the unit, start it with every session, and now."""
        demand("systemctl", "--user", "daemon-reload")
        demand("systemctl", "--user", "enable", UNIT)
        demand("systemctl", "--user", "restart", UNIT)

    def stop(self) -> None:
        """Stop the unit and no longer start it."""
        demand("systemctl", "--user", "disable", UNIT)
        # Of a unit that it could not read, systemd knows nothing to stop.
        done = call("systemctl", "--user", "stop", UNIT)
        if done.returncode and self.state().pid:
            raise WeiLinkError(
                t("systemd could not stop the service: {said}", said=done.stderr.strip())
            )

    def forget(self) -> None:
        """Let systemd see that the unit is gone."""
        call("systemctl", "--user", "daemon-reload")
        # A unit that failed is remembered by its name.
        call("systemctl", "--user", "reset-failed", UNIT)

    def state(self) -> State:
        """Return what systemd says of the unit."""
        shown = call("systemctl", "--user", "show", "-p", "ActiveState,SubState,MainPID", UNIT)
        values = dict(line.partition("=")[::2] for line in shown.stdout.splitlines())
        pid = int(values.get("MainPID") or 0)
        words = f"{values.get('ActiveState', 'unknown')} ({values.get('SubState', '')})"
        sub = values.get("SubState")
        return State(sub == "running", pid or None, words, sub in ("auto-restart", "failed"))

    def log(self) -> str:
        """Return the last lines of the journal."""
        done = call("journalctl", "--user", "-u", UNIT, "-n", "5", "-o", "cat", "--no-pager", "-q")
        return done.stdout.strip()

    def log_command(self) -> str:
        """Return how to see the journal."""
        return f"journalctl --user -u {UNIT}"

    def hints(self) -> list[str]:
        """Tell those whose services end with their session."""
        user = getpass.getuser()
        shown = call("loginctl", "show-user", user, "-p", "Linger", "--value")
        if shown.stdout.strip() == "yes":
            return []
        return [t("It ends when you log out. To keep it running then: loginctl enable-linger")]


def _word(text: str) -> str:
    """Return one word of a command or assignment, quoted for systemd."""
    for plain, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("%", "%%")):
        text = text.replace(plain, written)
    return f'"{text}"'
