"""Ctrl-C: one line and the usual exit code, whatever is under way."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

EXIT_CODE = 130
"""Of a process that Ctrl-C has ended: 128 and the number of the signal."""
_LINE = b"Stopped by Ctrl-C.\n"
_pressed = threading.Event()


def end_on_ctrl_c() -> None:
    """Have Ctrl-C end this process by SystemExit, which every clean-up sees, after one line.

    Nothing changes where somebody handles Ctrl-C already, or has it ignored, as nohup does.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    home = os.getpid()

    def end(*_: Any) -> None:
        if os.getpid() != home:  # a worker that was forked: its parent says it
            os._exit(EXIT_CODE)
        if not _pressed.is_set():
            _pressed.set()
            os.write(2, _LINE)
        raise SystemExit(EXIT_CODE)

    signal.signal(signal.SIGINT, end)


def leave_ctrl_c(at_end: Callable[[], str] | None = None) -> None:
    """Handle Ctrl-C as Python does again: Snakemake stops its jobs then.

    Args:
        at_end: makes the last line that is printed to standard error, after Ctrl-C.
    """
    if signal.getsignal(signal.SIGINT) in {signal.SIG_IGN, signal.SIG_DFL}:
        return
    home = os.getpid()

    def note(*_: Any) -> None:
        if os.getpid() == home:
            _pressed.set()
        raise KeyboardInterrupt

    def say() -> None:
        if at_end is not None and was_pressed() and os.getpid() == home:
            sys.stdout.flush()
            print(at_end(), file=sys.stderr, flush=True)

    signal.signal(signal.SIGINT, note)
    atexit.register(say)


def was_pressed() -> bool:
    """Whether Ctrl-C ends this process."""
    return _pressed.is_set()
