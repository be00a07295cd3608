"""Where programs keep their settings on each system.

The system is a parameter, and everything else comes from the environment, so that a test can ask
for any of them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def settings_folder(system: str | None = None) -> Path:
    """Return the folder in which desktop programs keep the settings of the user."""
    system = system or sys.platform
    if system == "darwin":
        return Path.home() / "Library" / "Application Support"
    if system == "win32":
        roaming = os.environ.get("APPDATA")
        return Path(roaming) if roaming else Path.home() / "AppData" / "Roaming"
    configured = os.environ.get("XDG_CONFIG_HOME")
    # Relative ones are to be ignored, says the specification.
    if configured and Path(configured).is_absolute():
        return Path(configured)
    return Path.home() / ".config"


def application(name: str, system: str | None = None) -> list[Path]:
    """Return where the desktop program `name` may be installed."""
    system = system or sys.platform
    if system == "darwin":
        bundle = f"{name}.app"
        return [Path("/Applications", bundle), Path.home() / "Applications" / bundle]
    if system == "win32":
        local = os.environ.get("LOCALAPPDATA")
        folder = Path(local) if local else Path.home() / "AppData" / "Local"
        short = name.replace(" ", "")
        return [folder / "Programs" / name, folder / f"Anthropic{short}", folder / short]
    return []
