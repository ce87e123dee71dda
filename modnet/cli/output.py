"""Text on standard output and standard error."""

from __future__ import annotations

import sys

import click

from modnet.errors import to_printable
from modnet.text import escape


def echo(message: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a message, whatever file it quotes: characters that a terminal obeys or hides are escaped.

    So are line breaks in the names of files that the user has given, as what follows would look like a line of modnet's.
    """
    text = str(message)
    for word in filter(lambda word: "\n" in word, sys.argv[1:]):
        for form in (word, to_printable(word)):  # errors have the second one
            text = text.replace(form, form.replace("\n", r"\n"))
    click.echo(escape(text), nl=nl, err=err)
