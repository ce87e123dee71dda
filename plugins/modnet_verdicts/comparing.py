"""Settings compared: run with the same seeds, judged, and reported in their folder."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from os import PathLike
from typing import Any

from modnet import GridRuns, ProgressObserver, figures, train_grid
from modnet.files import sweep, write_atomically
from modnet.text import format_count
from modnet_verdicts.decisions import ROPE
from modnet_verdicts.report import Comparison
from modnet_verdicts.result import SettingResult
from modnet_verdicts.statistics import load_special

TABLES, REPORT, PICTURE = "comparison.md", "comparison.json", "comparison.png"
PAIRS, RUNS = "pairs.csv", "runs.csv"
FILES = (TABLES, PAIRS, RUNS, REPORT, PICTURE)


def compare(
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
) -> Comparison:
    """Run all combinations of some settings with the same seeds, and return what may be claimed of their differences.

    `experiment` is a file, or a table of the entries that differ from the main job. `grid` holds the entries that vary,
    as names of options or paths, each with a list of values; `hidden` (or `hidden_size`) takes numbers of units, or
    lists of them. `seeds` is their number, 10 by default; the first one is the experiment's own. Settings whose
    accuracies differ by less than `rope` are practically equal. A file may hold all three in a table [compare].

    Runs and results are saved in the folder `out`; runs that it holds already are not repeated. They are trained by
    `workers` processes, by default as many as there are cores, or by an `executor`: any `concurrent.futures.Executor`,
    or a `Client` of Dask. `progress` is shown in a notebook or a terminal; True and False say whether, and an object
    with the methods `start` and `advance` takes its place. A script that uses processes must make the call under
    `if __name__ == "__main__":`.

    All runs are to be made by the same code and libraries, and on the same data. With `accept`, other code and
    libraries are no error, and the result names them. Raises SettingError, UnknownNameError, DataError, ModnetError
    where a run fails, and MissingExtraError.

    >>> quick = {"gradient": "backpropagation", "training": {"iterations": 20}}
    >>> result = modnet.compare(quick, {"hidden_size": [5, 10]}, seeds=2, workers=1)
    >>> [setting.label for setting in result.settings], result.pairs[0].decision.claim
    (['hidden 5', 'hidden 10'], 'undecided')
    """
    load_special()  # before anything is trained
    asked: Any = {"seeds": seeds, "rope": rope, "out": out, "workers": workers, "executor": executor}
    with train_grid(experiment, grid, progress=progress, accept=accept, **asked) as runs:
        settings = tuple(map(SettingResult.from_runs, runs.settings))
        rope = ROPE if runs.rope is None else runs.rope
        result = Comparison(settings, runs.seeds, rope, runs.mixtures, runs.baseline, runs.metrics)
        if out:
            _write(result, runs)
    return result


def _write(result: Comparison, runs: GridRuns) -> None:
    """Write the results beside the runs; without the extra `plot`, all but the picture. Warns where it fails."""
    for name in FILES:
        sweep(runs.folder / name)
    tables = {TABLES: result.markdown(), PAIRS: result.pairs_csv(), RUNS: result.runs_csv()}
    for name, content in {**tables, REPORT: json.dumps(result.as_json(), indent=2) + "\n"}.items():
        write_atomically(runs.folder / name, content.encode())
    title = f"{runs.name} · {format_count(len(result.seeds), 'seed')}"
    picture = runs.folder / PICTURE
    if importlib.util.find_spec("matplotlib") and (note := figures.try_to_draw(lambda: result.figure(title), picture)):
        warnings.warn(note, stacklevel=3)
