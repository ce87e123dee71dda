"""Settings compared: run with the same seeds, read and written down."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
import tomli_w
from attrs.validators import ge

from modnet.comparison.agreement import check_agreement, find_mixtures
from modnet.comparison.decisions import ROPE
from modnet.comparison.grid import Setting, complete, create_settings, spread, to_axes
from modnet.comparison.report import Comparison
from modnet.comparison.result import SettingResult
from modnet.comparison.statistics import load_special
from modnet.comparison.tasks import ensure_plugins
from modnet.comparison.workers import Job, check_is_no_import, run_jobs
from modnet.compose.defaults import get_default_job, merge_job
from modnet.compose.experiment import VALIDATION, Experiment, create_experiment, read_data, to_table
from modnet.compose.parts import create_metrics, find_name
from modnet.compose.settings import Settings
from modnet.compose.tables import Table, merge, read_toml
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import data_fingerprint
from modnet.display.figure import try_to_draw
from modnet.errors import DataError, SettingError
from modnet.files import sweep, write_atomically
from modnet.files.opening import read_plain
from modnet.runs.contents import find_baseline, read_history, unpack_of_samples
from modnet.runs.folder import ERRORS, EXPERIMENT, HISTORY, HITS, check_files, claim, is_unused, read_ending, recover
from modnet.runs.missing_plugins import make_finder
from modnet.runs.receipt import PLACE, Receipt, compare_settings
from modnet.text import format_count
from modnet.types import Array

COMPARISON = "comparison.toml"
TABLES, REPORT, PICTURE = "comparison.md", "comparison.json", "comparison.png"
PAIRS, RUNS = "pairs.csv", "runs.csv"
FILES = (TABLES, PAIRS, RUNS, REPORT, PICTURE)
REMEDY = "remove it to repeat the run"


class ProgressObserver(Protocol):
    """A display of the progress of many runs."""

    def start(self, total: int, finished: int, measure: Callable[[], float]) -> None:
        """Show that some runs are finished already; `measure` returns the progress of the others, in runs."""

    def advance(self, result: str) -> None:
        """Show that one more run is finished, with its result."""


@attrs.frozen(kw_only=True)
class Plan:
    """The table [compare] of an experiment file."""

    seeds: int = attrs.field(default=10, validator=ge(1))
    rope: float = attrs.field(default=ROPE, validator=ge(0))
    grid: dict[str, Any] = attrs.field(factory=dict)


def compare(
    experiment: Table | str | PathLike[str],
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: int | None = None,
    rope: float | None = None,
    out: str | PathLike[str] | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: ProgressObserver | None = None,
    accept: bool = False,
) -> Comparison:
    """Run all combinations of some settings with the same seeds, and return what may be claimed of their differences.

    `experiment` is a file, or a table of the entries that differ from the main job. `grid` holds the entries that vary,
    as names of options or paths, each with a list of values; `hidden` (or `hidden_size`) takes numbers of units, or
    lists of them. `seeds` is their number, 10 by default; the first one is the experiment's own. Settings whose
    accuracies differ by less than `rope` are practically equal. A file may hold all three in a table [compare].

    Runs and results are saved in the folder `out`; runs that it holds already are not repeated. They are trained by
    `workers` processes, by default as many as there are cores, or by an `executor`. A script that uses processes must
    make the call under `if __name__ == "__main__":`.

    All runs are to be made by the same code and libraries, and on the same data. With `accept`, other code and
    libraries are no error, and the result names them. Raises SettingError, UnknownNameError, DataError, ModnetError
    where a run fails, and MissingExtraError.

    >>> quick = {"gradient": "backpropagation", "training": {"iterations": 20}}
    >>> result = modnet.compare(quick, {"hidden_size": [5, 10]}, seeds=2, workers=1)
    >>> [setting.label for setting in result.settings], result.pairs[0].decision.claim
    (['hidden 5', 'hidden 10'], 'undecided')
    """
    check_is_no_import()
    load_special()  # before anything is trained
    table, plan = _read_plan(experiment, grid, seeds, rope)
    # A table is the program's own word; in a file, a module must be approved.
    ensure_plugins(table, str if isinstance(experiment, Mapping) else make_finder(Path(experiment)))
    table = complete(table, plan.grid)
    base = create_experiment(table)
    settings, data, resolved = _read_settings(base, table, plan)
    written = {**to_table(resolved), "data": to_table(base)["data"], "compare": attrs.asdict(plan)}
    tried = tuple(range(base.seed, base.seed + plan.seeds))
    with ExitStack() as stack:
        folder = Path(out).absolute() if out else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _claim(folder, stack)
        jobs = [
            Job(f"{s.label}, seed {k}", folder / s.folder / f"seed-{k}", attrs.evolve(s.experiment, seed=k))
            for k in tried
            for s in settings
        ]
        fingerprint = data_fingerprint(data)
        receipts, unfinished = _read_runs(folder, settings, jobs, fingerprint, accept=accept)
        write_atomically(folder / COMPARISON, tomli_w.dumps(written).encode())
        made = run_jobs(unfinished, data, folder, executor, workers, accept=accept)
        _follow(made, len(jobs), list(unfinished), data, progress)
        if unfinished:
            # The workers may have had other code and libraries than this process.
            receipts, left = _read_runs(folder, settings, jobs, fingerprint, accept=accept)
            if left:
                raise DataError(f"{left[0].folder} is not as the run left it: it has no results; {REMEDY}")
        results = _read_results(settings, jobs, receipts, data)
        mixtures, baseline = find_mixtures(folder, receipts), find_baseline(data)
        metrics = create_metrics(data.task, resolved.metrics)
        result = Comparison(results, tried, plan.rope, mixtures, baseline, metrics)
        _write(result, folder, resolved)
        return result


def _read_plan(
    experiment: Table | str | PathLike[str],
    grid: Mapping[str, Sequence[Any]] | None,
    seeds: int | None,
    rope: float | None,
) -> tuple[Table, Plan]:
    """Return the table of an experiment, and the plan of its comparison; raises SettingError."""
    table = dict(experiment) if isinstance(experiment, Mapping) else read_toml(Path(experiment))
    asked = table.pop("compare", {})
    given = {"seeds": seeds, "rope": rope, "grid": None if grid is None else dict(grid)}
    changes = {key: value for key, value in given.items() if value is not None}
    if not isinstance(asked, dict):
        raise SettingError([f"must be a table, not {asked!r}"], "compare")
    plan = Settings().read(merge(asked, changes), Plan)
    table, axes = spread(table, to_axes(plan.grid))
    return table, attrs.evolve(plan, grid=axes)


def read_settings(experiment: Table, grid: Mapping[str, Sequence[Any]]) -> tuple[list[Setting], Dataset]:
    """Return the settings that `compare` would run, and the data that they would see; raises what it raises."""
    table, plan = _read_plan(experiment, grid, None, None)
    table = complete(table, plan.grid)
    return _read_settings(create_experiment(table), table, plan)[:2]


def _read_settings(base: Experiment, table: Table, plan: Plan) -> tuple[list[Setting], Dataset, Experiment]:
    """Return all settings, the data, and the experiment with all that the data's source inferred."""
    data, resolved = read_data(base, table)
    if len(data.test) < 2:
        raise DataError(f"a comparison needs at least 2 test samples, there are {len(data.test)}")
    create_metrics(data.task, resolved.metrics)  # none is refused after some runs
    # What was inferred is the same for all settings, and written down with each.
    known = to_table(resolved)
    whole = {**merge_job(get_default_job(data), table), "data": known["data"]}
    whole = merge(whole, {"network": {key: known["network"][key] for key in ("shape",) if key in known["network"]}})
    settings = create_settings(whole, plan.grid)
    varied = [callback for setting in settings for callback in setting.experiment.callbacks]
    if "validation" not in data.parts and any(callback.needs_validation for callback in varied):
        wanted = attrs.evolve(base.data, validation_fraction=VALIDATION)  # of all, as all see the same samples
        return _read_settings(attrs.evolve(base, data=wanted), table, plan)
    return settings, data, resolved


def _claim(folder: Path, stack: ExitStack) -> None:
    """Claim the folder of a comparison as long as `stack` is open; raises SettingError where it holds other files."""
    if folder.exists() and not (folder / COMPARISON).is_file() and not is_unused(folder, COMPARISON):
        raise SettingError([f"{folder} exists and is not the folder of a comparison: choose another"], "--out")
    stack.enter_context(claim(folder))
    for name in (COMPARISON, *FILES):
        sweep(folder / name)


def _write(result: Comparison, folder: Path, experiment: Experiment) -> None:
    """Write the results beside the runs; without the extra `plot`, all but the picture. Warns where it fails."""
    training = f"{experiment.training.iterations:,} × {experiment.training.batch_size}"
    tables = {TABLES: result.markdown(), PAIRS: result.pairs_csv(), RUNS: result.runs_csv()}
    for name, content in {**tables, REPORT: json.dumps(result.as_json(), indent=2) + "\n"}.items():
        write_atomically(folder / name, content.encode())
    source = experiment.data.path.name if experiment.data.path else find_name(experiment.data.source)
    title = f"{source} · {training} · {format_count(len(result.seeds), 'seed')}"
    if importlib.util.find_spec("matplotlib") and (note := try_to_draw(lambda: result.figure(title), folder / PICTURE)):
        warnings.warn(note, stacklevel=3)


def _read_runs(
    folder: Path, settings: Sequence[Setting], jobs: Sequence[Job], fingerprint: Mapping[str, Any], *, accept: bool
) -> tuple[dict[Path, Receipt], list[Job]]:
    """Return the receipts of the runs that have begun, and the runs that have not ended; raises DataError."""
    receipts = {job.folder: receipt for job in jobs if (receipt := read_run(job, fingerprint))}
    ended = {run for run, receipt in receipts.items() if receipt.results and receipt.results.status.is_final}
    unfinished = [job for job in jobs if job.folder not in ended]
    if not accept:
        check_agreement(folder, receipts, settings, is_more_to_come=bool(unfinished))
    return receipts, unfinished


def _follow(
    made: Generator[Job, None, None], total: int, left: list[Job], data: Dataset, progress: ProgressObserver | None
) -> None:
    """Show the progress of all runs while those that are left are made."""
    if progress:
        progress.start(total, total - len(left), lambda: sum(map(measure_progress, left)))
    with closing(made):  # at once where showing it fails
        for job in made:
            left.remove(job)
            if progress:
                mean = read_of_samples(job.folder, data).mean()
                score = f"accuracy {mean:.4f}" if data.task == "classification" else f"R² {1 - mean:.4f}"
                progress.advance(f"{job.name}: test {score}")


def _read_results(
    settings: Sequence[Setting], jobs: Sequence[Job], receipts: Mapping[Path, Receipt], data: Dataset
) -> tuple[SettingResult, ...]:
    found = []
    for i, setting in enumerate(settings):
        runs = [job.folder for job in jobs[i :: len(settings)]]
        statuses = tuple(results.status for run in runs if (results := receipts[run].results))
        of_samples = np.array([read_of_samples(run, data) for run in runs])
        hits, errors = (of_samples, None) if data.task == "classification" else (None, of_samples)
        histories = tuple(read_history(run / HISTORY) for run in runs)
        found.append(SettingResult(setting, hits, histories, statuses, errors))
    return tuple(found)


def read_run(job: Job, fingerprint: Mapping[str, Any]) -> Receipt | None:
    """Return the receipt of a run whose files are as it left them, or None where it has made no iteration.

    Raises SettingError where its folder holds another run, and DataError where it was changed, is of an older modnet or
    of other data.
    """
    folder = job.folder
    if links := [each for each in (folder, folder.parent) if each.is_symlink()]:
        raise DataError(f"{links[0]}: a link, expected a folder: runs are written within that of their comparison")
    recover(folder)
    if not (folder / EXPERIMENT).is_file():
        if folder.exists() and not is_unused(folder, EXPERIMENT):
            raise DataError(f"{folder}: not the folder of a run, there is no {EXPERIMENT} in it: {REMEDY}")
        return None
    with claim(folder):
        check_files(folder, remedy=REMEDY)  # first: of a damaged run nobody knows what it was
        # The digest in the receipt holds the content of the data.
        if changed := compare_settings(read_toml(folder / EXPERIMENT), to_table(job.experiment), PLACE):
            names = ", ".join(each.what for each in changed)
            raise SettingError([f"{folder} holds a run with another {names}: choose another folder"], "--out")
        if not read_ending(folder, REMEDY) and measure_progress(job) <= 0:
            return None
    receipt = Receipt.read(folder, REMEDY)
    if other := [key for key, value in fingerprint.items() if receipt.data.get(key) != value]:
        raise DataError(f"{folder} was run with other data: {', '.join(other)}: choose another folder")
    return receipt


def measure_progress(job: Job) -> float:
    """Return the share of a run's iterations that were made until it was saved last: from 0 to 1."""
    try:
        lines = read_plain(job.folder / HISTORY).count(b"\n")
    except DataError:
        return 0.0
    return min(1.0, (lines - 1) / max(1, job.experiment.training.iterations))


def read_of_samples(folder: Path, data: Dataset) -> Array:
    """Return which test samples a run got right (N,), or in a regression their errors (N,); raises DataError."""
    path = folder / (HITS if data.classes else ERRORS)
    return unpack_of_samples(path, read_plain(path), len(data.test))
