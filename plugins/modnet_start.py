"""The start of the command line, which an interrupt may end."""

import os
import signal
from importlib import import_module
from typing import NoReturn


def main() -> None:
    """Run the command line; until all is imported for it, Ctrl-C ends the process at once."""
    before = signal.getsignal(signal.SIGINT)
    is_default = before is signal.default_int_handler
    if is_default:
        signal.signal(signal.SIGINT, _end)
    run = import_module("modnet.cli.main").main
    if is_default:
        signal.signal(signal.SIGINT, before)
    try:
        run()
    except KeyboardInterrupt:  # before it could handle one
        _end()


def _end(*_: object) -> NoReturn:
    os.write(2, b"\nmodnet: interrupted\n")  # on a terminal, the line begins with ^C
    os._exit(130)
