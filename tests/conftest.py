"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Heed the signals of a terminal, also under `nohup` and behind a shell's `&`.

    A signal that is ignored stays so in every program that is started, and then no Ctrl-C and no
    closed terminal of a test ends anything.
    """
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
            signal.signal(number, usual)
