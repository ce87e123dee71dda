"""Text on standard output and standard error."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from contextlib import suppress
from functools import partial
from io import TextIOWrapper, UnsupportedOperation
from pathlib import Path
from typing import Any, TextIO

import click

from modnet.errors import PluginError, to_printable
from modnet.process import fill_descriptors
from modnet.text import escape, measure_width, wrap

OUTPUT = __name__  # the key of the command's own output, in the context of click


class _Context(click.Context):
    """The context of a command, which alone writes to standard output while it works."""

    def invoke(self, callback: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a command's function, or that of its group before it."""
        if not self.invoked_subcommand and OUTPUT not in self.meta:
            self.meta[OUTPUT] = own = _take_output()
            self.call_on_close(partial(_close, own))
        return super().invoke(callback, *args, **kwargs)


class Command(click.Command):
    """A command whose standard output has nothing in it that a plugin prints."""

    context_class = _Context


class Group(click.Group):
    """A group of such commands."""

    context_class = _Context
    command_class = Command


def _take_output() -> TextIO:
    """Return the command's own standard output; what anybody else writes there goes to standard error from now on.

    That holds for descriptor 1, too, which C and other processes write to, and lasts as long as this process: what was
    buffered is written when it ends.
    """
    own: TextIO = sys.stdout
    try:
        is_descriptor = own.fileno() == 1
    except (UnsupportedOperation, AttributeError):  # a test has put something else in its place
        is_descriptor = False
    if is_descriptor:
        own.flush()
        own = open(os.dup(1), "w", encoding=own.encoding, errors=own.errors)  # noqa: PTH123, SIM115 - until it is closed
        os.dup2(2, 1)
    sys.stdout = sys.stderr
    return own


def get_output() -> TextIO:
    """Return the standard output of the command that runs, whatever a plugin has put in its place."""
    context = click.get_current_context(silent=True)
    own: TextIO | None = context.meta.get(OUTPUT) if context else None
    return own or sys.stdout


def echo(message: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a message, whatever file it quotes: characters that a terminal obeys or hides are escaped.

    So are line breaks in the names of files that the user gives: what follows one would look like a line of modnet's.
    """
    text = str(message)
    for word in filter(lambda word: "\n" in word, sys.argv[1:]):
        for form in (word, to_printable(word)):  # errors have the second one
            text = text.replace(form, form.replace("\n", r"\n"))
    out = None if err else get_output()
    if out and _has_others(escape(text), out.encoding or "utf-8"):
        lacks = f"standard output is in {out.encoding}, which lacks some characters: they are escaped"
        warnings.warn(f"{lacks}; for all of them, set the environment variable PYTHONUTF8=1", stacklevel=1)
    click.echo(escape(text), file=out, nl=nl, err=err)


def fold(text: object) -> str:
    """Return text whose lines break between words where they are longer than a line of the terminal, if there is one.

    What follows a break is further to the right than the line's own begin.
    """
    if not get_output().isatty():
        return str(text)
    width = max(40, shutil.get_terminal_size().columns)
    folded = []
    for line in str(text).split("\n"):
        more = line[: len(line) - len(line.lstrip())] + "  "
        folded += wrap(line, width, rest=more) if measure_width(line) > width else [line]
    return "\n".join(folded)


def _has_others(text: str, encoding: str) -> bool:
    """Say whether a text has characters that an encoding lacks."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return True
    return False


def complain(message: object) -> None:
    """Print a message on standard error, if anybody can read it there."""
    with suppress(OSError, ValueError):  # it is closed
        echo(f"modnet: {message}", err=True)


def tell(message: str, *, vital: bool = False) -> None:
    """Print a message of a command whose work does not depend on it; a vital one on standard error if need be."""
    try:
        echo(fold(message))
    except (OSError, ValueError):  # nobody reads it any more
        if vital:
            complain(message)


def explain(error: BaseException | None) -> PluginError | None:
    """Return what a third-party plugin did where it raised an error, or tried to end the program; else None."""
    plugins = sys.modules.get("modnet.compose.plugins")  # none is loaded without it
    found: PluginError | None = plugins.explain(error) if plugins and error else None
    return found


def open_streams() -> None:
    """Have output and errors go nowhere where the process was started without a place for them.

    Characters that the encoding of standard output lacks, as Windows has one beside a terminal, are escaped.
    """
    fill_descriptors()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def close_streams() -> None:
    """Drop what can no longer be written: the interpreter must not fail over it when it flushes at its end."""
    for stream in (sys.stdout, sys.stderr):
        _close(stream)


def _close(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError, AttributeError):  # a plugin may even have put something else in its place
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
