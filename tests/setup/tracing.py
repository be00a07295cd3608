"""Stopping a copy of this process at its nth system call: the debugging interface of Linux."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable

AVAILABLE = sys.platform == "linux"

_TRACEME, _CONTINUE, _SYSCALL, _SET_OPTIONS = 0, 7, 24, 0x4200
# A stop for a system call is then told from one for a signal; the copy never outlives us.
_OPTIONS = 0x1 | 0x100000
_SYSCALL_STOP = signal.SIGTRAP | 0x80


def _ptrace(request: int, pid: int, value: int = 0) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(0))
    if library.ptrace(*arguments, ctypes.c_void_p(value)) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def mark() -> None:
    """Begin to count system calls in the copy, or end it."""
    os.kill(os.getpid(), signal.SIGUSR1)


def kill_at(number: int, work: Callable[[], int]) -> bool:
    """Run `work` in a copy that is killed as it enters its nth system call between two marks.

    That call is not carried out. Returns whether it came to that; the copy ends well if not.
    """
    pid = os.fork()
    if pid == 0:
        try:
            _ptrace(_TRACEME, 0)
            os._exit(work())
        except BaseException:  # noqa: BLE001  (the copy must never return into pytest)
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(99)
    marks = stops = 0
    while True:
        status = os.waitpid(pid, 0)[1]
        if not os.WIFSTOPPED(status):
            code = os.waitstatus_to_exitcode(status)
            assert (code, marks) == (0, 2), (code, marks)
            return False
        passed_on = 0
        if os.WSTOPSIG(status) == signal.SIGUSR1:
            marks += 1
            if marks == 1:
                _ptrace(_SET_OPTIONS, pid, _OPTIONS)
        elif os.WSTOPSIG(status) == _SYSCALL_STOP:
            # Each call stops twice, as it begins and as it ends.
            stops += 1
            if stops == 2 * number - 1:
                os.kill(pid, signal.SIGKILL)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
                return True
        else:
            passed_on = os.WSTOPSIG(status)
        _ptrace(_SYSCALL if marks == 1 else _CONTINUE, pid, passed_on)
