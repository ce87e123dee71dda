"""Signals that end a run."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MOST = 3
"""So many signals end the process at once: something does not let itself be interrupted."""


class _Interrupt:
    """A handler of signals, which keeps those that it received."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.otherwise = sys.unraisablehook
        self.is_pending = False
        self.main = threading.get_ident()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if any(each.f_code is _Interrupt.repeat.__code__ for each, _ in traceback.walk_stack(frame)):
            return  # it would be ignored here, too, and is sent again
        self.is_pending = False
        self.received.append(number)
        if len(self.received) >= MOST:
            os._exit(128 + number)  # a checkpoint is saved
        raise KeyboardInterrupt

    def repeat(self, ignored: sys.UnraisableHookArgs) -> None:
        """Send a signal again, a moment later, that came where Python ignores errors, as while an object goes away."""
        if self.received and isinstance(ignored.exc_value, KeyboardInterrupt) and is_signal(ignored.exc_value):
            self.is_pending = True
            # Without the locks of `threading`, which the code that was interrupted may hold.
            _thread.start_new_thread(self._send, (self.received.pop(),))
        else:
            self.otherwise(ignored)

    def _send(self, number: int) -> None:
        """Send a signal to the main thread until it interrupts: a wait that just begins does not see it."""
        time.sleep(0.01)
        while self.is_pending:
            if sys.platform == "win32":
                signal.raise_signal(number)
            else:
                signal.pthread_kill(self.main, number)
            time.sleep(0.1)


@contextmanager
def interrupting(*names: str) -> Iterator[list[int]]:
    """Have signals interrupt the block as Ctrl-C does, unless they are ignored or handled by somebody else.

    Yields the signals that were received. Blocks nest: the inner one has them.
    """
    interrupt = _Interrupt()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in names if hasattr(signal, name)):  # Windows has not all
            handler = signal.getsignal(number)
            if handler in {signal.SIG_DFL, signal.default_int_handler} or isinstance(handler, _Interrupt):
                before[number] = signal.signal(number, interrupt)
    sys.unraisablehook = interrupt.repeat
    try:
        yield interrupt.received
    finally:
        interrupt.is_pending = False
        sys.unraisablehook = interrupt.otherwise
        for number, handler in before.items():
            signal.signal(number, handler)


def is_signal(error: BaseException) -> bool:
    """Say whether such a signal raised an error; otherwise some code did."""
    return [frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__)][-1:] == [__name__]
