"""A program in a pseudo-terminal: type, read the screen, wait for what it shows, end it."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import selectors
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

from tests.agents.processes import kill_group

# Not pty.fork(): forking is not safe here, the model runs in a thread. So the child is started the
# usual way and takes the terminal as its own before it becomes the program.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
# Of newer terminals, and taken for something else or for text by pyte: keyboard and device modes,
# strings for the terminal.
_UNKNOWN = re.compile(r"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b[P_^X].*?\x1b\\", re.DOTALL)
_UNFINISHED = re.compile(r"\x1b(\[[^a-zA-Z~]*|[P_^X].*)?\Z", re.DOTALL)

_PAUSE = 0.2
"""Seconds that a person takes from the last letter to Enter, at the least."""


class _Screen(pyte.Screen):
    """A screen that answers when the program asks where the cursor is."""

    answer: Callable[[str], None]

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Terminal:
    """A program with a terminal of its own, leader of a session and process group."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        columns: int = 120,
        rows: int = 50,
    ) -> None:
        self._screen = _Screen(columns, rows)
        self._screen.answer = self.write
        self._stream = pyte.Stream(self._screen)
        self._changed = threading.Condition()
        self._changed_at = time.monotonic()
        self._master, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *command],
            cwd=cwd,
            env=dict(env),
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
        )
        os.close(child)
        self._open = True
        self._stop, stop = os.pipe()
        self._wakes = os.fdopen(stop, "wb", buffering=0)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id of the program."""
        return self.process.pid

    @property
    def screen(self) -> str:
        """What stands on the screen now, without trailing blanks."""
        with self._changed:
            # Not its `display`, which fails when half of a wide character was written over.
            buffer, columns = self._screen.buffer, range(self._screen.columns)
            lines = range(self._screen.lines)
            texts = ("".join(buffer[y][x].data for x in columns).rstrip() for y in lines)
            return "\n".join(texts).rstrip()

    def write(self, data: str) -> None:
        """Send keys as they are."""
        if self._open:
            os.write(self._master, data.encode())

    def type(self, text: str) -> None:
        """Type a text, wait until the screen shows it, and press Enter."""
        self.write(text)
        shown = text.splitlines()[-1][-40:]
        self.wait_for(lambda screen: shown in screen)
        # Keys that come without a pause are taken for a paste, and Enter for a part of it.
        select.select([], [], [], _PAUSE)
        self.write("\r")

    def wait_for(self, predicate: Callable[[str], bool], deadline: float = 20) -> str:
        """Wait until the screen is as wanted, and give it.

        Raises:
            TimeoutError: It did not become so; holds the screen.
        """
        end = time.monotonic() + deadline
        with self._changed:
            while not predicate(screen := self.screen):
                left = end - time.monotonic()
                if left <= 0 or not self._open:
                    raise TimeoutError(f"not on the screen:\n{screen}")
                self._changed.wait(left)
        return screen

    def wait_for_text(self, text: str, deadline: float = 20) -> str:
        """Wait until the screen shows a text."""
        return self.wait_for(lambda screen: text in screen, deadline)

    def wait_quiet(self, seconds: float = 1, deadline: float = 30) -> str:
        """Wait until the screen has not changed for so long: the program is idle."""
        end = time.monotonic() + deadline
        with self._changed:
            while (left := self._changed_at + seconds - time.monotonic()) > 0 and self._open:
                if time.monotonic() > end:
                    raise TimeoutError(f"the screen keeps changing:\n{self.screen}")
                self._changed.wait(left)
        return self.screen

    def kill(self) -> None:
        """End the program alone with signal 9, as a crash would; its children live on."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def hang_up(self) -> None:
        """Close the terminal, as a user closes the window: the program gets SIGHUP."""
        if not self._wakes.closed:
            self._wakes.close()
        self._reader.join(5)

    def close(self) -> None:
        """Kill the whole process group and close the terminal."""
        kill_group(self.process.pid)
        self.process.wait(10)
        self.hang_up()

    def _read(self) -> None:
        """Feed the screen until the program has closed its side, or we ours."""
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        rest = ""
        with selectors.DefaultSelector() as selector:
            selector.register(self._master, selectors.EVENT_READ)
            selector.register(self._stop, selectors.EVENT_READ)
            while True:
                ready = [key.fd for key, _ in selector.select()]
                if self._stop in ready:
                    break
                try:
                    data = os.read(self._master, 65536)
                except OSError:  # Linux says so when nobody has the other side open any more
                    data = b""
                if not data:
                    break
                text = rest + decode(data)
                unfinished = _UNFINISHED.search(text)
                cut = unfinished.start() if unfinished else len(text)
                rest = text[cut:]
                with self._changed:
                    self._stream.feed(_UNKNOWN.sub("", text[:cut]))
                    self._changed_at = time.monotonic()
                    self._changed.notify_all()
        with self._changed:
            self._open = False
            self._changed.notify_all()
        # The last descriptor of the terminal: the kernel hangs up. Only this thread closes it, for
        # a descriptor that is closed while another thread reads from it stays open.
        os.close(self._master)
        os.close(self._stop)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
