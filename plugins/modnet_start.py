"""The start of the command line, which an interrupt may end."""

import os
import signal
from importlib import import_module
from typing import NoReturn


def main() -> None:
    """Run the command line; until all is imported for it, Ctrl-C ends the process at once."""
    end_when_interrupted()
    run = import_module("modnet.cli.main").main
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:  # before it could handle one
        _end()


def end_when_interrupted() -> None:
    """Have Ctrl-C end the process at once with a line, unless something else than Python handles it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(*_: object) -> NoReturn:
    os.write(2, b"\nmodnet: interrupted\n")  # on a terminal, the line begins with ^C
    os._exit(130)
