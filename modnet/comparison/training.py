"""All settings of a grid, run with the same seeds in one folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing, contextmanager
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
import tomli_w
from attrs.validators import ge, optional

from modnet.comparison.agreement import Mixture, check_agreement, find_mixtures
from modnet.comparison.grid import Setting, complete, create_settings, spread, to_axes
from modnet.comparison.tasks import ensure_plugins
from modnet.comparison.workers import Job, check_is_no_import, run_jobs
from modnet.compose.defaults import get_default_job, merge_job
from modnet.compose.experiment import VALIDATION, Experiment, create_experiment, read_data, to_table
from modnet.compose.parts import create_metrics, find_name
from modnet.compose.settings import Settings
from modnet.compose.tables import Table, merge, read_toml
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import data_fingerprint
from modnet.errors import DataError, SettingError
from modnet.files import sweep, write_atomically
from modnet.files.opening import read_plain
from modnet.interfaces import Metric
from modnet.runs.contents import find_baseline, read_history, unpack_of_samples
from modnet.runs.folder import ERRORS, EXPERIMENT, HISTORY, HITS, check_files, claim, is_unused, read_ending, recover
from modnet.runs.missing_plugins import make_finder
from modnet.runs.receipt import PLACE, Receipt, compare_settings
from modnet.types import Array, History, Status

COMPARISON = "comparison.toml"
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
    rope: float | None = attrs.field(default=None, validator=optional(ge(0)))
    grid: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(eq=False)
class SettingRuns:
    """The runs of one setting, one for each seed."""

    setting: Setting
    of_samples: Array = attrs.field(repr=False)
    """The hits of the test samples at the end of each run (bool), or in a regression their errors: (seeds, samples)."""
    histories: tuple[History, ...] = attrs.field(repr=False)
    statuses: tuple[Status, ...]
    """Of each run: finished or diverged; a diverged run counts with its last finite parameters."""


@attrs.frozen(eq=False)
class GridRuns:
    """The runs of all settings of a grid, with the same seeds and tested on the same samples."""

    settings: tuple[SettingRuns, ...]
    seeds: tuple[int, ...]
    folder: Path
    name: str
    """The data and the length of the training: "train.csv · 1,000 × 100"."""
    rope: float | None
    """The difference that was asked for as none in practice, in the call or in the file."""
    mixtures: tuple[Mixture, ...]
    """Accepted differences in the code and the libraries of the runs."""
    baseline: float | None
    """The test accuracy of always answering the largest class."""
    metrics: tuple[Metric, ...]


@contextmanager
def train_grid(
    experiment: Mapping[str, Any] | str | PathLike[str],
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: int | None = None,
    rope: float | None = None,
    out: str | PathLike[str] | None = None,
    workers: int | None = None,
    executor: Executor | Any | None = None,
    progress: bool | ProgressObserver | None = None,
    accept: bool = False,
) -> Iterator[GridRuns]:
    """Run all combinations of some settings with the same seeds, and yield their runs.

    What is given is as of `modnet.compare`; `progress` may be an object that shows it. The folder `out` is claimed
    until the block ends; without one the runs are in a folder that is removed then. Raises SettingError,
    UnknownNameError, DataError, and ModnetError where a run fails.

    >>> quick = {"gradient": "backpropagation", "training": {"iterations": 20}}
    >>> with modnet.train_grid(quick, {"hidden": [5, 10]}, seeds=2, workers=1) as runs:
    ...     print([(each.setting.label, each.of_samples.shape) for each in runs.settings])
    [('hidden 5', (2, 1000)), ('hidden 10', (2, 1000))]
    """
    check_is_no_import()
    if executor is not None:
        executor = import_module("modnet_executors.conversion").to_executor(executor)  # not of the core
    table, plan = _read_plan(experiment, grid, seeds, rope)
    # A table is the program's own word; in a file, a module must be approved.
    ensure_plugins(table, str if isinstance(experiment, Mapping) else make_finder(Path(experiment)))
    table = complete(table, plan.grid)
    base = create_experiment(table)
    settings, data, resolved = _read_settings(base, table, plan)
    written = {
        **to_table(resolved),
        "data": to_table(base)["data"],
        "compare": attrs.asdict(plan, filter=lambda _, value: value is not None),
    }
    tried = tuple(range(base.seed, base.seed + plan.seeds))
    with ExitStack() as stack:
        place = out or stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        folder = Path(place).absolute()
        _claim(folder, stack)
        jobs = [
            Job(f"{s.label}, seed {k}", folder / s.folder / f"seed-{k}", attrs.evolve(s.experiment, seed=k))
            for k in tried
            for s in settings
        ]
        fingerprint = data_fingerprint(data)
        receipts, unfinished = _read_runs(folder, settings, jobs, fingerprint, accept=accept)
        write_atomically(folder / COMPARISON, tomli_w.dumps(written).encode())
        made = run_jobs(unfinished, data, folder, fingerprint, executor, workers, accept=accept)
        _follow(made, len(jobs), list(unfinished), data, progress)
        if unfinished:
            # The workers may have had other code and libraries than this process.
            receipts, left = _read_runs(folder, settings, jobs, fingerprint, accept=accept)
            if left:
                raise DataError(f"{left[0].folder} is not as the run left it: it has no results; {REMEDY}")
        source = resolved.data.path.name if resolved.data.path else find_name(resolved.data.source)
        yield GridRuns(
            _read_results(settings, jobs, receipts, data),
            tried,
            folder,
            f"{source} · {resolved.training.iterations:,} × {resolved.training.batch_size}",
            plan.rope,
            find_mixtures(folder, receipts),
            find_baseline(data),
            create_metrics(data.task, resolved.metrics),
        )


def _read_plan(
    experiment: Mapping[str, Any] | str | PathLike[str],
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
    """Return the settings that `train_grid` would run, and the data that they would see; raises what it raises."""
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
    sweep(folder / COMPARISON)


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
    made: Generator[Job, None, None],
    total: int,
    left: list[Job],
    data: Dataset,
    progress: bool | ProgressObserver | None,
) -> None:
    """Show the progress of all runs while those that are left are made."""
    showing = import_module("modnet_progress.showing").follow_runs  # not of the core
    with showing(progress) as shown, closing(made):  # at once where showing it fails
        if shown:
            shown.start(total, total - len(left), lambda: sum(map(measure_progress, left)))
        for job in made:
            left.remove(job)
            if shown:
                mean = read_of_samples(job.folder, data).mean()
                score = f"accuracy {mean:.4f}" if data.task == "classification" else f"R² {1 - mean:.4f}"
                shown.advance(f"{job.name}: test {score}")


def _read_results(
    settings: Sequence[Setting], jobs: Sequence[Job], receipts: Mapping[Path, Receipt], data: Dataset
) -> tuple[SettingRuns, ...]:
    found = []
    for i, setting in enumerate(settings):
        runs = [job.folder for job in jobs[i :: len(settings)]]
        statuses = tuple(results.status for run in runs if (results := receipts[run].results))
        of_samples = np.array([read_of_samples(run, data) for run in runs])
        found.append(SettingRuns(setting, of_samples, tuple(read_history(run / HISTORY) for run in runs), statuses))
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
