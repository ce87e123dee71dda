"""`modnet plugins ...`: which plugins there are, and what is wrong with some."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from modnet.cli.new import new
from modnet.cli.options import assigned, load_chosen_plugins, plugin_options, without_option
from modnet.cli.plugin_list import as_json, as_table, diagnosis, diagnosis_as_json, not_asked
from modnet.compose.plugins import get_host
from modnet.host.catalogue import LIMIT


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
    load_chosen_plugins(without, modules)
    host = get_host()
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
    load_chosen_plugins(without, ())
    host = get_host()
    host.ask_anew(timeout)
    click.echo(diagnosis_as_json(host) if json_ else diagnosis(host))
    sys.exit(1 if host.broken() or host.not_asked() else 0)


@plugins.command()
@click.argument("name")
@click.option(
    "--file", "files", multiple=True, metavar="PART=FILE", help="A file that a data source reads (repeatable)."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@plugin_options
def check(
    name: str,
    files: tuple[str, ...],
    *,
    json_: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Check that the parts of NAME, a plugin or a distribution, are what a part should be.

    Each part is made with its defaults, and all checks of its kind are run, those of modnet.testing. The exit status is
    1 where one fails, or could not be run.
    """
    from modnet.testing import check_distribution  # which brings far more along than the listing should wait for

    load_chosen_plugins(without, modules)
    options: dict[str, dict[str, Any]] = {part: {"file": Path(str(file))} for part, file in assigned(files).items()}
    reports = check_distribution(name, options=options, raises=False)
    if json_:
        click.echo(json.dumps([json.loads(report.as_json()) for report in reports], indent=2))
    else:
        click.echo("\n\n".join(map(str, reports)))
    sys.exit(0 if all(report.passed for report in reports) else 1)


plugins.add_command(new)
