"""Text on standard output and standard error."""

from __future__ import annotations

import click

from modnet.text import escape


def echo(message: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a message, whatever file it quotes: characters that a terminal obeys or hides are escaped."""
    click.echo(escape(str(message)), nl=nl, err=err)
