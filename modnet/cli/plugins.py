"""`modnet plugins`: list, diagnose, check and begin plugins."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from modnet.cli.given import forget as forget_module
from modnet.cli.options.groups import plugin_options, without_option
from modnet.cli.options.language import parse_assignments
from modnet.cli.options.loading import load_chosen_plugins
from modnet.cli.options.parameters import FilePath
from modnet.cli.output import Group, echo, fold
from modnet.cli.show.packaging import find_rivals, list_notes
from modnet.compose.plugins import get_host
from modnet.errors import Problem, SettingError, UnknownNameError
from modnet.host.approval import list_approvals
from modnet.host.catalogue import LIMIT
from modnet.host.discovery import PluginHost
from modnet.host.entry_points import BROKEN, NOT_ASKED, READY, Plugin
from modnet.host.kinds import KINDS, OBSERVER
from modnet.host.modules import find_own_file
from modnet.text import format_table, printable

Notes = Mapping[str, Sequence[Problem]]  # by distribution


@click.group(cls=Group, invoke_without_command=True)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@plugin_options
@click.pass_context
def plugins(context: click.Context, *, json_: bool, without: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """List the plugins with their origins, states and parts.

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
    echo(format_json(host) if json_ else "\n\n".join(filter(None, (fold(format_plugins(host)), format_approvals()))))
    if missing := format_not_asked(host):
        echo(missing, err=True)


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
    """Diagnose all installed plugins, and explain what is broken.

    Each is imported in a process of its own, and asked anew what it provides. The exit status is 1 where one is broken
    or cannot be asked.
    """
    load_chosen_plugins(without, ())
    host = get_host()
    host.ask(BROKEN, NOT_ASKED, READY, limit=timeout)
    rivals = [f"note: {problem}" for problem in find_rivals()]
    notes = list_notes(host.plugins)
    echo(format_json(host, notes) if json_ else fold(format_diagnosis(host, notes, rivals)))
    if json_ and rivals:
        echo("\n".join(rivals), err=True)
    sys.exit(1 if host.list_in(BROKEN) or host.list_in(NOT_ASKED) else 0)


@plugins.command()
@click.argument("name")
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="PART=FILE",
    help="A file or a folder that a data source reads (repeatable, also for one PART that reads several).",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PART.SETTING=VALUE",
    help="A setting that a part is made with (repeatable).",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="PART.OPTION=VALUE",
    help="An option of a part's checks, as of modnet.testing.check_loss (repeatable).",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@plugin_options
def check(
    name: str,
    files: tuple[str, ...],
    settings: tuple[str, ...],
    options: tuple[str, ...],
    *,
    json_: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Run the checks of modnet.testing on all that NAME provides.

    NAME is a plugin or a distribution. Each part is made with its defaults, and all checks of its kind are run. The
    exit status is 1 where one fails, or could not be run.
    """
    from modnet.testing import check_distribution  # which brings far more along than the listing should wait for

    load_chosen_plugins(without, modules)
    given = _parse_by_part(options, "--option")
    for file in files:
        for part, path in parse_assignments((file,)).items():
            given.setdefault(part, {}).setdefault("file", []).append(Path(str(path)))
    reports = check_distribution(name, settings=_parse_by_part(settings, "--set"), options=given, raises=False)
    if json_:
        echo(json.dumps([json.loads(report.as_json()) for report in reports], indent=2))
    else:
        echo(fold("\n\n".join(map(str, reports))))
    sys.exit(0 if all(report.passed for report in reports) else 1)


@plugins.command()
@click.argument("module")
def forget(module: str) -> None:
    """Take back the approval of MODULE.

    Experiment files and runs that name it import it no longer, until it is given with -p again.
    """
    if not (count := forget_module(module)):
        raise UnknownNameError("approved module", module, {approval.module for approval in list_approvals()})
    echo(f"{module} is not approved any more" + (f", in {count} folders" if count > 1 else ""))


@plugins.command()
@click.argument("name")
@click.option(
    "--kind",
    required=True,
    type=click.Choice([*KINDS, OBSERVER.name], case_sensitive=False),
    metavar="KIND",
    help=f"The kind of part it provides: {', '.join(KINDS)}; {OBSERVER.name}: it follows runs.",
)
@click.option("--out", type=FilePath(), help="A new folder (default: modnet-NAME).")
def new(name: str, *, kind: str, out: Path | None) -> None:
    """Begin a plugin: a part called NAME, or what follows runs.

    It is a repository with all that a plugin needs. NAME is lower-case words joined by hyphens, soft-cap for instance.
    It works as it is: change it to yours.

    \b
    Continue with
      pip install --editable modnet-NAME --group modnet-NAME/pyproject.toml:dev
      modnet plugins
      pytest modnet-NAME
    """  # noqa: D301 - click looks for the character itself
    from modnet.testing.scaffold import NewPlugin

    plugin = NewPlugin(kind, name)
    folder = out or Path(plugin.distribution)
    for path in plugin.write(folder):
        echo(f"  {path}")
    what = "run_ended" if kind == OBSERVER.name else plugin.class_name
    echo(fold(f"{what} in {plugin.module}.py is the {kind} {name!r}; install it: pip install -e {folder}"))


def _parse_by_part(assignments: tuple[str, ...], option: str) -> dict[str, dict[str, Any]]:
    """Return the values of `PART.KEY=VALUE` by part and key; raises SettingError."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in parse_assignments(assignments).items():
        part, dot, key = name.partition(".")
        if not (part and dot and key):
            raise SettingError([f"expected PART.KEY=VALUE, found {name}=..."], option)
        found.setdefault(part, {})[key] = value
    return found


def format_plugins(host: PluginHost) -> str:
    """Return one block a plugin: name, version, state and file, then what it provides or why it is broken."""
    return "\n".join(_format_block(host, plugin) for plugin in host.plugins) or "no plugins are installed"


def format_approvals() -> str:
    """Return a table of the modules that the user approved; nothing where there are none."""
    rows = [["approved module", "file", "SHA-256", "since", "now"]]
    for approval in list_approvals():
        changed = approval.find_changed()
        now = f"changed: {', '.join(changed)}" if changed else "as approved"
        digest = approval.files.get(find_own_file(approval.module, approval.files), "")
        row = [approval.module, str(approval.code.file), digest[:12], approval.since[:10], now]
        rows.append([printable(cell, 200) for cell in row])
    return "\n".join(format_table(rows, left=len(rows[0]))) if len(rows) > 1 else ""


def format_diagnosis(host: PluginHost, notes: Notes, others: Sequence[str] = ()) -> str:
    """Return the same blocks, of a broken plugin with what is wrong, where and what to do; notes; and a summary."""
    if not host.plugins:
        return "no plugins are installed"
    broken = host.list_in(BROKEN)
    unasked = f", {count} could not be asked" if (count := len(host.list_in(NOT_ASKED))) else ""
    blocks = [_format_block(host, plugin, _to_symptoms(plugin.problem)) for plugin in host.plugins]
    versions = {plugin.distribution: plugin.version for plugin in host.plugins}
    noted = [f"note: {name} {versions[name]}: {note}" for name, those in notes.items() for note in those]
    lines = [*blocks, *noted, *others, f"{len(broken)} of {len(host.plugins)} plugins broken{unasked}"]
    if broken:
        names = ",".join(dict.fromkeys(plugin.distribution for plugin in broken))
        lines.append(f"until they work: --without {names}, or MODNET_WITHOUT={names}")
    return "\n".join(lines)


def format_json(host: PluginHost, notes: Notes | None = None) -> str:
    """Return a list of objects, one a plugin; in a diagnosis with notes, and what is wrong, where and what to do."""
    records = [_to_record(host, plugin) for plugin in host.plugins]
    if notes is not None:
        for record, plugin in zip(records, host.plugins, strict=True):
            noted = [_to_symptoms(note) for note in notes.get(plugin.distribution, ())]
            record |= {**_to_symptoms(plugin.problem), "notes": noted}
    return json.dumps(records, indent=2)


def format_not_asked(host: PluginHost) -> str:
    """Return how many plugins have not said yet what they provide, and what to do; nothing where all have."""
    if not (count := len(host.list_in(NOT_ASKED))):
        return ""
    return f"{count} not asked yet what they provide; modnet plugins doctor asks them, and waits for the answers"


def _to_symptoms(problem: Problem | None) -> dict[str, str]:
    return {"why": problem.why, "where": problem.where, "remedy": problem.remedy} if problem else {}


def _format_block(host: PluginHost, plugin: Plugin, symptoms: dict[str, str] | None = None) -> str:
    version = f" {plugin.version}" if plugin.version else ""
    changes = f", but changes {', '.join(plugin.changes)}" if plugin.changes else ""
    lines = [f"{plugin.name}  ({plugin.distribution}{version})  {plugin.state}{changes}  {plugin.file}".rstrip()]
    if symptoms:
        lines += [f"    {what + ':':<13}{said}" for what, said in symptoms.items() if said]
    elif plugin.reason:
        lines.append(f"    {plugin.reason}")
    for kind in KINDS:
        names = [host.registry.name_for(c) for c in plugin.components if c.kind == kind]
        if names:
            lines.append(f"    {kind + ':':<13}{', '.join(names)}")
    if plugin.follows:
        lines.append(f"    {'follows:':<13}{', '.join(plugin.follows)}")
    lines += [f"    {refusal}" for refusal in _explain_refusals(host, plugin)]
    return "\n".join(lines)


def _to_record(host: PluginHost, plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.state,
        "changes": list(plugin.changes),
        "reason": plugin.reason,
        "provides": [{"kind": c.kind, "name": host.registry.name_for(c)} for c in plugin.components],
        "follows": list(plugin.follows),
        "refused": _explain_refusals(host, plugin),
        "file": plugin.file,
    }


def _explain_refusals(host: PluginHost, plugin: Plugin) -> list[str]:
    """Return why some of its parts do not answer to their bare names."""
    owners: dict[tuple[str, str], set[str]] = {}
    for component in (component for each in host.plugins for component in each.components):
        owners.setdefault((component.kind, component.name), set()).add(component.owner)
    return [
        f"the {c.kind} name {c.name!r} is also {' and '.join(sorted(owners[c.kind, c.name] - {c.owner}))}'s; "
        f"use {c.qualified_name!r}"
        for c in plugin.components
        if host.registry.name_for(c) != c.name
    ]
