"""Text on standard output and standard error."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from modnet.errors import PluginError, to_printable
from modnet.text import escape


def echo(message: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a message, whatever file it quotes: characters that a terminal obeys or hides are escaped.

    So are line breaks in the names of files that the user gives: what follows one would look like a line of modnet's.
    """
    text = str(message)
    for word in filter(lambda word: "\n" in word, sys.argv[1:]):
        for form in (word, to_printable(word)):  # errors have the second one
            text = text.replace(form, form.replace("\n", r"\n"))
    click.echo(escape(text), nl=nl, err=err)


def complain(message: object) -> None:
    """Print a message on standard error, if anybody can read it there."""
    with suppress(OSError, ValueError):  # it is closed
        echo(f"modnet: {message}", err=True)


def tell(message: str, *, vital: bool = False) -> None:
    """Print a message of a command whose work does not depend on it; a vital one on standard error if need be."""
    try:
        echo(message)
    except (OSError, ValueError):  # nobody reads it any more
        if vital:
            complain(message)


def explain(error: BaseException | None) -> PluginError | None:
    """Return what a third-party plugin did where it raised an error, or tried to end the program; else None."""
    from modnet.compose.plugins import get_host
    from modnet.host.failures import explain_failure

    return explain_failure(error, get_host().plugins) if error else None


def open_streams() -> None:
    """Have output and errors go nowhere where the process was started without a place for them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as the process


def close_streams() -> None:
    """Drop what can no longer be written: the interpreter must not fail over it when it flushes at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # a plugin may even have put something else in its place
            with suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
