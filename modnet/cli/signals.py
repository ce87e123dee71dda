"""Signals that end a run."""

from __future__ import annotations

import os
import signal
import sys
import threading
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

    def __call__(self, number: int, _: FrameType | None) -> None:
        self.received.append(number)
        if len(self.received) >= MOST:
            os._exit(128 + number)  # a checkpoint is saved
        raise KeyboardInterrupt

    def repeat(self, ignored: sys.UnraisableHookArgs) -> None:
        """Interrupt as soon as it counts for a signal that came where Python ignores errors, as in a `__del__`."""
        if self.received and isinstance(ignored.exc_value, KeyboardInterrupt) and is_signal(ignored.exc_value):
            self._interrupt_next_line(sys._getframe(1), self.received.pop())  # noqa: SLF001 - of the code outside
        else:
            self.otherwise(ignored)

    def _interrupt_next_line(self, frame: FrameType, number: int) -> None:
        """Interrupt code at its next line: a signal that is sent again might come to the next `__del__`."""
        before, of_frame = sys.gettrace(), frame.f_trace

        def interrupt(*_: object) -> None:
            sys.settrace(before)
            frame.f_trace = of_frame
            self(number, frame)

        frame.f_trace = interrupt
        sys.settrace(lambda *_: None)


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
        sys.unraisablehook = interrupt.otherwise
        for number, handler in before.items():
            signal.signal(number, handler)


def is_signal(error: BaseException) -> bool:
    """Say whether such a signal raised an error; otherwise some code did."""
    return [frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__)][-1:] == [__name__]
