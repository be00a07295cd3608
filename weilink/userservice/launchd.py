"""The service as an agent of launchd: see launchd.plist(5) and launchctl(1)."""

from __future__ import annotations

import os
import plistlib
import re
from pathlib import Path
from xml.parsers.expat import ExpatError

from weilink.assets import asset
from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.userservice.base import Server, State, call, demand

LABEL = "weilink"
_FACTS = "WeiLink"
_LOG_BYTES = 4096


class Launchd:
    """`launchctl` in the domain of the user's screen session."""

    @property
    def _log(self) -> Path:
        # launchd keeps no log of its own.
        return Path.home() / "Library" / "Logs" / f"{LABEL}.log"

    @property
    def file(self) -> Path:
        """The user's own agent."""
        return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    def content(self, server: Server) -> bytes:
        """Return the property list."""
        values = plistlib.loads(asset("templates", "service/weilink.plist").read_bytes())
        values["Label"] = LABEL
        values["ProgramArguments"] = list(server.command)
        values["EnvironmentVariables"] = dict(server.environment)
        values["StandardErrorPath"] = str(self._log)
        values["Umask"] = 0o077
        values[_FACTS] = server.facts
        return plistlib.dumps(values)

    def facts(self, content: bytes) -> dict[str, str]:
        """Return what the property list says of the server."""
        try:
            values = plistlib.loads(content)
        except (plistlib.InvalidFileException, ExpatError, ValueError):
            return {}
        facts = values.get(_FACTS) if isinstance(values, dict) else None
        return dict(facts) if isinstance(facts, dict) else {}

    def check(self) -> None:
        """Do nothing when the user has a session in which agents run."""
        done = call("launchctl", "print", _domain())
        if done.returncode:
            raise WeiLinkError(
                t(
                    "launchd has no session of yours ({said}); log in at the screen and run the "
                    "command there",
                    said=done.stderr.strip(),
                )
            )

    def start(self) -> None:
        """Read the property list and start the agent."""
        call("launchctl", "bootout", f"{_domain()}/{LABEL}")
        demand("launchctl", "enable", f"{_domain()}/{LABEL}")
        demand("launchctl", "bootstrap", _domain(), str(self.file))

    def stop(self) -> None:
        """Stop the agent, if launchd knows it."""
        if call("launchctl", "print", f"{_domain()}/{LABEL}").returncode == 0:
            demand("launchctl", "bootout", f"{_domain()}/{LABEL}")

    def forget(self) -> None:
        """Do nothing: what was booted out is forgotten."""

    def state(self) -> State:
        """Return what launchd says of the agent."""
        done = call("launchctl", "print", f"{_domain()}/{LABEL}")
        if done.returncode:
            return State(False, None, "not loaded")
        pid = re.search(r"^\s*pid = (\d+)", done.stdout, re.MULTILINE)
        words = re.search(r"^\s*state = (.+)", done.stdout, re.MULTILINE)
        return State(pid is not None, int(pid[1]) if pid else None, words[1] if words else "loaded")

    def log(self) -> str:
        """Return the end of the log."""
        try:
            data = self._log.read_bytes()
        except OSError:
            return ""
        return "\n".join(data[-_LOG_BYTES:].decode("utf-8", "replace").splitlines()[-5:])

    def log_command(self) -> str:
        """Return how to see the log."""
        return f"tail -f '{self._log}'"

    def hints(self) -> list[str]:
        """Return nothing: agents run from login to logout, as users of macOS expect."""
        return []


def _domain() -> str:
    return f"gui/{os.getuid()}"
