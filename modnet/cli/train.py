"""`modnet train`: a new run."""

from __future__ import annotations

import math
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from modnet_figures import figures
from modnet_progress.terminal import RunProgress, file_progress

import modnet
from modnet.cli.options.changes import read_changes
from modnet.cli.options.groups import check_progress, experiment_options, plugin_options, progress_options
from modnet.cli.options.loading import choose_new_folder, load_all_plugins, read_experiment_file
from modnet.cli.options.parameters import FilePath
from modnet.cli.output import Command, complain, echo, explain, get_output, tell
from modnet.cli.show.diagnosis import diagnose
from modnet.cli.show.forecast import format_forecast
from modnet.cli.show.values import format_settings, format_title
from modnet.cli.signals import interrupting
from modnet.compose.defaults import MAIN_JOB, get_default_job, merge_job
from modnet.compose.experiment import Experiment, create_experiment, create_network, read_data, to_table
from modnet.compose.network import Network
from modnet.compose.parts import OWN, create_metrics, find_name
from modnet.compose.summary import format_layer, format_part, format_shape
from modnet.compose.tables import Table, merge
from modnet.data.dataset import Dataset
from modnet.interfaces import Metric, ObservedRun
from modnet.nn.arrays import NUMPY
from modnet.nn.checkpoint import Checkpoint
from modnet.runs.folder import CURVES, format_resume
from modnet.runs.missing_plugins import name_missing_plugins
from modnet.runs.receipt import flatten
from modnet.runs.recorder import RunRecorder, create_run, train_run
from modnet.text import format_column, format_count, format_duration, format_metric, format_table, printable, wrap
from modnet.types import History, Status

WIDTH = 80
_ITEM = re.compile(r"\.(name|\d+)$")  # a name, or an item of a list, stands for the whole entry


@click.command(cls=Command)
@click.argument("experiment", required=False, type=FilePath())
@experiment_options
@click.option("--out", type=FilePath(), help="Folder of results (default: runs/DATE-TIME).")
@click.option("--overwrite", is_flag=True, help="Replace the run that is in the folder.")
@click.option("--dry-run", is_flag=True, help="Show the layers, and how long it would take with each estimator.")
@progress_options
@plugin_options
def train(
    experiment: Path | None,
    out: Path | None,
    *,
    overwrite: bool,
    dry_run: bool,
    every: int | None,
    quiet: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
    **flags: Any,
) -> None:
    """Train a network and save the run.

    EXPERIMENT is a TOML file; options change single entries of it. Without one, the book's two-layer network learns
    the digits that ship with modnet. The folder of a run holds experiment.toml, which repeats the run, history.csv,
    summary.json, params.npz, curves.png, and receipt.json, which modnet verify checks. A run that ended too early is
    continued by modnet resume.
    """
    check_progress(every, quiet=quiet)
    table = load_all_plugins(read_experiment_file(experiment), experiment, without, modules)
    given = merge(table, read_changes(flags))
    with name_missing_plugins(experiment):
        wanted = create_experiment(given)
    if not quiet:
        tell(f"modnet {modnet.__version__}")
    with file_progress():
        data, wanted = read_data(wanted, given)
    if not quiet:
        describe(wanted, data)
    if not quiet and (used := _list_table_defaults(given, data)):
        tell(f"defaults  for tables: {', '.join(used)}")
    if dry_run:
        echo(f"{create_network(wanted, data).summary()}\n")
        echo(format_forecast(wanted, data))
        return
    with create_run(out or choose_new_folder(), wanted, data, overwrite=overwrite) as recorder:
        run_to_end(wanted, data, recorder, every=every, quiet=quiet)


def run_to_end(
    wanted: Experiment,
    data: Dataset,
    recorder: RunRecorder,
    start: Checkpoint | None = None,
    *,
    every: int | None = None,
    quiet: bool = False,
) -> None:
    """Train to the end with progress shown and everything saved, and print how the run ended, however that was."""
    shown = RunProgress(get_output(), every=every, quiet=quiet)
    failure: BaseException | None = None
    note = ""
    recorder.diagnose = diagnose
    folder = recorder.path.absolute()  # wherever a plugin changes the current folder to
    with interrupting("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") as signals, shown as progress:
        try:
            try:
                train_run(wanted, data, recorder, start, progress)
            finally:
                note = _draw(recorder, folder, format_title(to_table(wanted)))  # last: by now nothing depends on it
        except BaseException as error:  # a part or a hook may fail in any way
            failure = error
    if recorder.run:
        _conclude(recorder.run, recorder, note)
    is_interrupted = recorder.run is not None and recorder.run.status is Status.INTERRUPTED
    if failure and (is_interrupted or isinstance(failure, KeyboardInterrupt)):
        by_plugin = not signals or not isinstance(failure, KeyboardInterrupt)
        if by_plugin and (problem := explain(failure) or explain(failure.__context__)):
            complain(problem)
        sys.exit(128 + (signals[0] if signals else signal.SIGINT))
    if failure:
        raise failure


def describe(wanted: Experiment, data: Dataset) -> None:
    """Print the data, the network and the training of an experiment."""
    network, metrics = create_network(wanted, data), create_metrics(data.task, wanted.metrics)
    training = wanted.training
    scale = f", features divided by {data.scale:g}" if data.scale != 1 else ""
    answers = f"{len(data.classes)} classes" if data.classes else format_count(data.outputs, "target")
    inferred = format_settings({key: value for key, value in data.settings.items() if key != "scale"})
    notes = [*([f"read with {inferred}"] if inferred else []), *data.notes]
    tell(
        f"data      {wanted.data.path or find_name(wanted.data.source)}: {data.format_sizes()} samples, "
        f"{data.features} features, {answers}{scale}\n"
        + "".join(f"          {note}\n" for note in notes)
        + f"{_describe_network(network, wanted)}\n"
        + (f"arrays    {network.library}\n" if network.library is not NUMPY else "")
        + f"training  {format_part(wanted.gradient)}, {format_part(wanted.optimizer)}, "
        f"{training.iterations:,} mini-batches of {training.batch_size}, seed {wanted.seed}"
    )
    if wanted.metrics:
        tell(f"metrics   {', '.join(map(format_part, metrics[-len(wanted.metrics) :]))}")
    if wanted.callbacks:
        tell(f"callbacks {', '.join(map(format_part, wanted.callbacks))}")


def _describe_network(network: Network, wanted: Experiment) -> str:
    parts, count = wanted.network, f"{sum(math.prod(param.shape) for param in network.params.values()):,} parameters"
    if parts.layers:
        layers = " -> ".join([format_shape(network.shape), *map(format_layer, network.placed)])
        what = f"{layers}; {find_name(parts.loss)}; {count}"
        lines = wrap(what, WIDTH - 10)
        return "network   " + ("\n" + " " * 10).join(lines)
    sizes = " -> ".join(str(n) for n in (network.inputs, *(layer.outputs for layer in network.dense_layers)))
    used = [find_name(part) for part in (*parts.activation, parts.output, parts.loss)]
    return f"network   {sizes}: {', '.join(used)}; {count}"


def _list_table_defaults(given: Table, data: Dataset) -> list[str]:
    """Return the names of the entries that were not given, and whose defaults for such data are not the main job's."""
    job = get_default_job(data)
    main, merged = flatten(MAIN_JOB), flatten(merge_job(job, given))
    changed = [place for place, value in flatten(job).items() if main.get(place) != value == merged.get(place)]
    own, entries = ([_ITEM.sub("", place) for place in places] for places in (flatten(given), changed))
    return [entry.rpartition(".")[2] for entry in dict.fromkeys(entries) if entry not in own]


def _draw(recorder: RunRecorder, folder: Path, title: str) -> str:
    """Draw the learning curves of a run that is saved, and return why that failed, or ""."""
    if not recorder.run or not recorder.is_saved:
        return ""
    drawn = recorder.run.history, title, recorder.run.metrics
    return figures.try_to_draw(lambda: figures.learning_curves.from_history(*drawn), folder / CURVES)


def _conclude(run: ObservedRun, recorder: RunRecorder, note: str) -> None:
    history = run.history
    done = str(run.status)
    if run.status is not Status.FINISHED:
        done += f" after {run.iteration:,} of {run.iterations:,} iterations"
    recorded = figures.learning_curves.list_recorded(history)
    columns = {name: values for name, values in history.columns.items() if values and name not in recorded}
    table = _tabulate_metrics(columns, run.metrics)
    shown = list(columns)[: 2 if table else 2 * len(run.metrics)]  # behind them are those of callbacks
    last = {name: f"{format_column(name, run.metrics)} {format_metric(columns[name][-1])}" for name in shown}
    measured = _describe_measured(last, recorder.summary.get("baseline", math.nan))
    tell(f"{done} in {format_duration(run.seconds)}" + ": " * bool(last) + measured, vital=True)
    for line in [*table, *_describe_last(history, recorded)]:
        tell(line, vital=True)
    if run.stop_reason:
        why = f"stopped after {run.iteration:,} of {run.iterations:,} iterations"
        tell(_wrap(f"{why}: {printable(run.stop_reason, 200)}"), vital=True)
    signs = recorder.summary.get("diagnosis", ())
    for remedy in dict.fromkeys(sign["remedy"] for sign in signs):
        problems = "; ".join(sign["problem"] for sign in signs if sign["remedy"] == remedy)
        tell(_wrap(f"{problems}: {remedy}"), vital=True)
    if recorder.has_restored:
        tell(f"{recorder.path} holds the run that was there before", vital=True)
    if recorder.is_saved:
        tell(f"saved in {recorder.path}", vital=True)
        if not run.status.is_final:
            tell(f"continue with: {format_resume(recorder.path)}", vital=True)
    if note:
        tell(note, vital=True)


def _describe_measured(last: dict[str, str], baseline: float | None) -> str:
    """Return the last metrics in words, those of the test part first; `baseline` is None where that has no samples."""
    if baseline is None:
        last = {**{name: words for name, words in last.items() if not name.startswith("test_")}, "": "no test samples"}
    elif "test_accuracy" in last and not math.isnan(baseline):
        last = {**last, "test_accuracy": f"{last['test_accuracy']} (majority {baseline:.4f})"}
    return ", ".join(reversed(last.values()))


def _describe_last(history: History, names: Sequence[str]) -> list[str]:
    """Return a line with the last known value of some columns."""
    known = {name: [value for value in history.columns[name] if not math.isnan(value)] for name in names}
    last = [f"{format_column(name, ())} {format_metric(values[-1])}" for name, values in known.items() if values]
    return [_wrap(f"recorded last: {', '.join(last)}")] if last else []


def _tabulate_metrics(columns: Mapping[str, Sequence[float]], metrics: Sequence[Metric]) -> list[str]:
    """Return a table of all metrics and parts; nothing where a line has room for them."""
    ends = [metric.column for metric in metrics]
    begins = [name.removesuffix(end) for end in ends[:1] for name in columns if name.endswith(f"_{end}")]
    parts = [begin[:-1] for begin in begins if all(begin + end in columns for end in ends)]
    if not metrics or (len(parts) <= 2 and len(metrics) == len(OWN[metrics[0].task])):
        return []
    rows = [["", *parts]]
    titles = {metric.column: metric.title or metric.column.replace("_", " ") for metric in metrics}
    for column, title in {**titles, "loss": "loss"}.items():
        values = [columns.get(f"{part}_{column}") for part in parts]
        rows += [[title, *(format_metric(each[-1]) if each else "" for each in values)]] if any(values) else []
    return format_table(rows)


def _wrap(text: str) -> str:
    """Return text in lines of 80 columns, in none of which an option loses its value."""
    whole = re.sub(r"(--[\w-]+) ", "\\1\0", text)
    return "\n".join(wrap(whole, WIDTH, rest="  ")).replace("\0", " ")
