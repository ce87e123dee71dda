"""`modnet verify`: a run compared with its receipt."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import click
from modnet_progress.terminal import RunProgress, file_progress

from modnet.cli.options.groups import plugin_options, quiet_option
from modnet.cli.options.loading import load_all_plugins
from modnet.cli.options.parameters import FilePath, RunPath
from modnet.cli.output import Command, echo, fold, get_output
from modnet.cli.verify.retraining import retrain
from modnet.cli.verify.verification import OWN, Retraining, Verification, compare_with_receipt
from modnet.compose.tables import Table, read_toml
from modnet.errors import SettingError
from modnet.runs.folder import EXPERIMENT, HISTORY, PARAMS, recover
from modnet.runs.receipt import RECEIPT
from modnet.runs.surroundings import PARTS
from modnet.text import list_some


@click.command(cls=Command)
@click.argument("run", type=RunPath())
@click.option("--data", "data_path", metavar="FILE", type=FilePath(), help="Where the data is now.")
@click.option("--accept", is_flag=True, help="Train it again even by other code or libraries.")
@click.option("--dry-run", is_flag=True, help="List the differences; train nothing.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@quiet_option
@plugin_options
def verify(
    run: Path,
    data_path: Path | None,
    *,
    accept: bool,
    dry_run: bool,
    json_: bool,
    quiet: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Train RUN again, and check that every bit is the same.

    Its folder stays as it is. Files, data, settings, plugins, libraries and platform are compared with the receipt of
    the run. Differences are listed, with the first iteration that differs; by other code or libraries it is trained
    with --accept alone, on other data never. The exit status is 0 for an identical run, otherwise 1.
    """
    recover(run)
    table: Table = {}
    with suppress(SettingError):  # a file that cannot be read is one of the differences
        table = read_toml(run / EXPERIMENT)
    load_all_plugins(table, run / EXPERIMENT, without, modules)
    with file_progress():
        found = compare_with_receipt(run, data_path)
    if not json_:
        echo(fold(_format_differences(found)))
    if not dry_run and found.can_be_trained(accept=accept):
        with RunProgress(sys.stderr if json_ else get_output(), quiet=quiet) as progress:
            found = retrain(found, progress)
    echo(json.dumps(to_json(found), indent=2) if json_ else fold(format_verdict(found)))
    sys.exit(0 if found.identical else 1)


def _format_differences(found: Verification) -> str:
    """Return the end of the run, and the differences of each part."""
    results = found.results
    lines = [f"{found.folder}: {results.status}, {results.iterations:,} iterations"]
    for part in PARTS:
        differing = [difference.format() for difference in found.differences if difference.part == part]
        is_known = part == "file" or found.data is not None
        words = differing or ["as it was" if is_known else "not compared"]
        lines += [f"{part if i == 0 else '':<10}{text}" for i, text in enumerate(words)]
    return "\n".join(lines)


def format_verdict(found: Verification) -> str:
    """Return in a line or two whether the run is identical, or what differs first."""
    again = found.again
    first = next(iter(sorted(found.differences, key=lambda difference: difference.part == "file")), None)
    cause = f"the first part that differs: {first}" if first else "no part that is recorded differs"
    if again is None:
        can_be = found.can_be_trained(accept=True) and not found.can_be_trained()
        return f"not trained again; {cause}" + "; train it by what is here now with --accept" * can_be
    made = f"{again.iterations:,} iterations, parameters {again.params_sha256[:8]}..."
    if found.identical:
        return f"identical: {made}" + (f", although {first}" if first else "")
    observers = {origin.distribution for segment in found.receipt.segments for origin in segment.observers}
    if observers:  # which could change the runs of an older modnet
        cause += f"; verify does not call the hooks of {list_some(sorted(observers), 3)}, which followed the run"
    if again.reproduced:
        return _format_changes(found, again, made)
    deviation = next(iter(again.deviations), None)
    if again.departure:
        return f"differs from iteration {again.departure.iteration:,} on ({again.departure}); {cause}"
    if not (found.folder / HISTORY).is_file():
        return f"differs, and without {HISTORY} nobody can say from which iteration on ({made}); {cause}"
    if deviation and deviation.part == PARAMS and found.results.params_sha256 != again.params_sha256:
        return f"differs after the last iteration, in the parameters alone ({made}); {cause}\n{deviation}"
    return f"not identical: {deviation or f'{RECEIPT}: no digest of what was made'} ({made}); {cause}"


def _format_changes(found: Verification, again: Retraining, made: str) -> str:
    """Return what was changed in the folder of a run whose bits are the same."""
    row, deviation = again.departure, next(iter(again.deviations), "")
    changed = f"the first row of {HISTORY} that was changed: iteration {row.iteration:,}, {row}" if row else ""
    where = changed or str(deviation)
    own = next((str(difference) for difference in found.differences if difference.part in OWN), "")
    what = f"not identical: trained again the bits are the same ({made}), but {own or where}"
    return f"{what}\n{where}" if own and where else what


def to_json(found: Verification) -> dict[str, Any]:
    """Return a verification as JSON can hold it."""
    return {
        "identical": found.identical,
        "verdict": format_verdict(found),
        "differences": [attrs.asdict(difference) for difference in found.differences],
        "then": attrs.asdict(found.results),
        "again": attrs.asdict(found.again) if found.again else None,
    }
