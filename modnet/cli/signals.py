"""Signals that end a run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MOST = 3
"""So many signals end the process at once: something does not let itself be interrupted."""


@contextmanager
def interrupting() -> Iterator[list[int]]:
    """Have SIGTERM and SIGHUP interrupt the block as Ctrl-C does, unless they are ignored or handled already.

    Yields the signals that were received.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) >= MOST:
            os._exit(128 + number)  # a checkpoint is saved
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has not all of them
            if number and signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
                before[number] = signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
