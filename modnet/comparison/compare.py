"""Compare settings: run each with the same seeds, read what came of it, and write it down."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import tomli_w
from attrs.validators import ge

from modnet.comparison.decisions import ROPE
from modnet.comparison.grid import Setting, axes_of, settings_of_grid
from modnet.comparison.result import Comparison, SettingResult
from modnet.comparison.workers import Job, check_is_no_import, ensure_plugins, missing, run_all, share_made
from modnet.compose.experiment import Experiment, as_table, experiment_from, read_data, read_toml
from modnet.compose.parts import registered_name
from modnet.compose.settings import Settings, Table
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import data_fingerprint
from modnet.display.figures import rendered
from modnet.display.progress import RunsReport
from modnet.errors import DataError, MissingExtraError, SettingError
from modnet.files import sweep, write_atomically
from modnet.runs.folder import HISTORY, HITS, LOCK, claimed
from modnet.runs.history import read_history
from modnet.runs.receipt import Receipt
from modnet.types import Array

COMPARISON = "comparison.toml"
FILES = TABLES, PAIRS, RUNS, REPORT, PICTURE = (
    "comparison.md",
    "pairs.csv",
    "runs.csv",
    "comparison.json",
    "comparison.png",
)


@attrs.frozen(kw_only=True)
class Plan:
    """What an experiment file says in its table [compare]."""

    seeds: int = attrs.field(default=10, validator=ge(1))
    rope: float = attrs.field(default=ROPE, validator=ge(0))
    grid: dict[str, Any] = attrs.field(factory=dict)


def compare(
    experiment: Table | str | PathLike[str] | Experiment,
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: int | None = None,
    rope: float | None = None,
    out: str | PathLike[str] | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: RunsReport | None = None,
) -> Comparison:
    """Run all combinations of some settings with the same seeds, and return what may be claimed of their differences.

    `experiment` is a file, or a table of what is other than in the main job. `grid` says what varies: names of options
    or paths of entries, each with its values; `hidden` (or `hidden_size`) takes numbers of units, or lists of them.
    `seeds` is how many, 10 by default, from the experiment's own on. Settings whose accuracies differ by less than
    `rope` are practically equal. All three may stand in the file instead, in a table [compare].

    Runs and results are kept in the folder `out`, and none that is there is run again. `workers` processes run side by
    side, by default as many as there are cores; or an `executor` does it. In a script, processes need the call to stand
    under `if __name__ == "__main__":`.

    Raises SettingError, UnknownNameError, DataError, ModnetError where a run fails, and MissingExtraError.

    >>> quick = {"gradient": "backpropagation", "training": {"iterations": 20}}
    >>> result = modnet.compare(quick, {"hidden_size": [5, 10]}, seeds=2, workers=1)
    >>> [setting.label for setting in result.settings], result.pairs[0].decision.claim
    (['hidden 5', 'hidden 10'], 'undecided')
    """
    check_is_no_import()
    if importlib.util.find_spec("scipy") is None:
        raise MissingExtraError("a comparison", "compare")
    table, plan = _planned(experiment, grid, seeds, rope)
    ensure_plugins(table)
    with ExitStack() as stack:
        folder = Path(out) if out else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return _compared(table, plan, folder, workers, executor, progress)


def _planned(
    experiment: Table | str | PathLike[str] | Experiment,
    grid: Mapping[str, Sequence[Any]] | None,
    seeds: int | None,
    rope: float | None,
) -> tuple[Table, Plan]:
    """Return the table of an experiment, and what is to be compared; raises SettingError."""
    if isinstance(experiment, Experiment):
        table = as_table(experiment)
    else:
        table = dict(experiment) if isinstance(experiment, Mapping) else read_toml(Path(experiment))
    asked = table.pop("compare", {})
    given = {"seeds": seeds, "rope": rope, "grid": None if grid is None else dict(grid)}
    changes = {key: value for key, value in given.items() if value is not None}
    if not isinstance(asked, dict):
        raise SettingError([f"must be a table, not {asked!r}"], "compare")
    both = {**asked, **changes}
    if grid is not None and isinstance(asked.get("grid"), dict):
        both["grid"] = {**asked["grid"], **grid}
    return table, Settings().read(both, Plan)


def _compared(
    table: Table, plan: Plan, folder: Path, workers: int | None, executor: Executor | None, progress: RunsReport | None
) -> Comparison:
    settings, data, wanted = _settings(table, plan)
    seeds = tuple(range(first := int(settings[0].table["seed"]), first + plan.seeds))
    jobs = {
        (setting.label, seed): Job(
            f"{setting.label}, seed {seed}", folder / setting.folder / f"seed-{seed}", setting.experiment(seed)
        )
        for seed in seeds
        for setting in settings
    }
    _check_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder):
        for name in (COMPARISON, *FILES):
            sweep(folder / name)
        to_do = missing(list(jobs.values()))
        write_atomically(folder / COMPARISON, _toml(table, plan).encode())
        going_on = list(to_do)
        if progress:
            progress.begin(len(jobs), len(jobs) - len(to_do), lambda: sum(map(share_made, going_on)))
        for job in run_all(to_do, executor, workers):
            going_on.remove(job)
            if progress:
                progress.done(f"{job.name}: test accuracy {_hits(job.folder, data).mean():.4f}")
        facts = data_fingerprint(data)
        results = [_result(setting, [jobs[setting.label, seed] for seed in seeds], data, facts) for setting in settings]
        result = Comparison(tuple(results), seeds, plan.rope)
        _write(result, folder, wanted)
        return result


def _check_free(folder: Path) -> None:
    """Raise SettingError where results would be written among files of something else."""
    if folder.exists() and not (folder / COMPARISON).is_file():
        left = (LOCK, f".{COMPARISON}.")  # by a process that was killed before it had begun
        if not folder.is_dir() or any(not file.name.startswith(left) for file in folder.iterdir()):
            raise SettingError([f"{folder} is there and not a comparison's folder; choose another"], "--out")


def _settings(table: Table, plan: Plan) -> tuple[list[Setting], Dataset, Experiment]:
    """Return all settings, with what the data's source inferred written down; the data, and the experiment of both."""
    data, wanted = read_data(experiment_from(table))
    if len(data.test) < 2:
        raise DataError(f"a comparison needs test samples, there are {len(data.test)}")
    return settings_of_grid({**table, "data": as_table(wanted)["data"]}, plan.grid), data, wanted


def _write(result: Comparison, folder: Path, wanted: Experiment) -> None:
    """Write the results beside the runs; without the extra `plot`, all but the picture."""
    source = wanted.data.path.name if wanted.data.path else registered_name(wanted.data.source)
    training = f"{wanted.training.iterations:,} × {wanted.training.batch_size}"
    contents = {
        TABLES: result.markdown(),
        PAIRS: result.pairs_csv(),
        RUNS: result.runs_csv(),
        REPORT: json.dumps(result.as_json(), indent=2) + "\n",
    }
    for name, content in contents.items():
        write_atomically(folder / name, content.encode())
    with suppress(MissingExtraError):
        picture = result.figure(f"{source} · {training} · {len(result.seeds)} seeds")
        write_atomically(folder / PICTURE, rendered(picture, "png"))


def _toml(table: Table, plan: Plan) -> str:
    plain = {"seeds": plan.seeds, "rope": plan.rope, "grid": axes_of(plan.grid)}
    return tomli_w.dumps({**as_table(experiment_from(table)), "compare": plain})


def _result(setting: Setting, jobs: Sequence[Job], data: Dataset, facts: Mapping[str, Any]) -> SettingResult:
    """Return what came of a setting, after a look at whether each run is as its receipt says, and of this data."""
    statuses = []
    for job in jobs:
        receipt = Receipt.read(job.folder)
        other = [key for key, value in facts.items() if receipt.data.get(key) != value]
        changed = [difference.what for difference in receipt.changed_files(job.folder)]
        if changed or not receipt.results:
            names = ", ".join(changed) or "it has no results"
            raise DataError(f"{job.folder} is not as the run left it: {names}; remove it, and it is run anew")
        if other:
            raise DataError(f"{job.folder} was run with other data: {', '.join(other)}; choose another folder")
        statuses.append(receipt.results.status)
    return SettingResult(
        setting,
        np.array([_hits(job.folder, data) for job in jobs]),
        tuple(read_history(job.folder / HISTORY) for job in jobs),
        tuple(statuses),
    )


def _hits(folder: Path, data: Dataset) -> Array:
    try:
        hits: Array = np.load(folder / HITS, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / HITS}: cannot be read ({error}); remove the run, and it is run anew") from None
    if hits.shape != data.test.t.shape or hits.dtype != np.bool_:
        raise DataError(f"{folder / HITS}: not the hits of {len(data.test):,} test samples; remove the run")
    return hits
