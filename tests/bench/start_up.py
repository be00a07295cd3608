"""What people and agents wait for: the hook at every prompt, and `weilink --help`.

The hook against a bare interpreter started the same way: with a server that has nothing to
deliver, without a server, and after a server was killed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.bench.side_by_side import compare
from tests.support.server import Server, hook_command, hook_input
from weilink.sandbox.process import SandboxProcess


def main() -> int:
    """Run the comparisons; return 1 when one is over its limit."""
    python = os.path.realpath(sys.executable)
    bare = [python, "-I", "-S", "-c", "pass"]
    good = []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        sandbox = SandboxProcess.start()
        try:
            server = Server.logged_in(base, sandbox.phone)
            command, given, env = hook_command(base), hook_input(), server.env
            for name, prepare in (
                ("hook, nothing to deliver", server.wait_ready),
                ("hook, server killed", server.kill),
                ("hook, no server", lambda: (base / "run" / "recv").unlink()),
            ):
                prepare()
                good.append(compare(name, command, bare, 1.5, env=env, given=given))
        finally:
            sandbox.stop()
        weilink = str(Path(sys.executable).with_name("weilink"))
        plain = [sys.executable, "-c", "pass"]
        good.append(compare("weilink --help", [weilink, "--help"], plain, 3, env=env))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
