"""How programs of others start WeiLink: with which arguments and environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from weilink.settings import Settings

# Settings that a server must share with the shell in which it was installed.
_PASSED_ON = ("ilink_base_url", "cdn_base_url", "lang")


def arguments(base_path: Path) -> tuple[str, ...]:
    """Return the arguments of the interpreter up to the subcommand of `weilink`."""
    # Agents start the server in the user's project, whose files must not take the place of our
    # modules (a folder named "mcp" would).
    safe = ("-P",) if sys.version_info >= (3, 11) else ()
    own = () if base_path == Path("~/.weilink").expanduser() else ("-d", str(base_path))
    return (*safe, "-m", "weilink", *own)


def environment() -> dict[str, str]:
    """Return the variables that the settings of this run came from."""
    found = {}
    for name in _PASSED_ON:
        variable = f"WEILINK_{name.upper()}"
        value = os.environ.get(variable)
        if value and value != Settings.model_fields[name].default:
            found[variable] = value
    return found
