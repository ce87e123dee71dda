"""`modnet plugins ...`: which plugins there are, and what is wrong with some."""

from __future__ import annotations

import sys

import click

from modnet import build
from modnet.catalogue import LIMIT
from modnet.listing import as_json, as_table, diagnosis, diagnosis_as_json, not_asked
from modnet.options import load_plugins, plugin_options, without_option


@click.group(invoke_without_command=True)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@plugin_options
@click.pass_context
def plugins(context: click.Context, *, json_: bool, without: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """List the plugins: where each comes from, its state, and the parts it provides.

    No installed plugin but the built-ins is imported for it: each is asked once, in a process of its own, and not for
    long; one that has not answered by then is listed as not asked.
    """
    if command := context.invoked_subcommand:
        if json_ or without or modules:
            raise click.UsageError(f"options of 'plugins {command}' stand after it: modnet plugins {command} ...")
        return
    load_plugins(without, modules)
    host = build.plugins()
    host.ask_a_few()
    click.echo(as_json(host) if json_ else as_table(host))
    if missing := not_asked(host):
        click.echo(missing, err=True)


@plugins.command()
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=LIMIT,
    metavar="SECONDS",
    help=f"How long each may take to answer (default: {LIMIT:g}).",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@without_option
def doctor(*, timeout: float, json_: bool, without: tuple[str, ...]) -> None:
    """Ask every installed plugin anew what it provides, and say what is wrong with those that are broken.

    Each is imported in a process of its own. The exit status is 1 where one is broken or cannot be asked.
    """
    load_plugins(without, ())
    host = build.plugins()
    host.ask_anew(timeout)
    click.echo(diagnosis_as_json(host) if json_ else diagnosis(host))
    sys.exit(1 if host.broken() or host.not_asked() else 0)
