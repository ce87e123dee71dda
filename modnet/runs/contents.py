"""The contents of a run's files: history, hits or errors, summary, description of parameters."""

from __future__ import annotations

import csv
import io
import json
import math
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.compose.experiment import Experiment
from modnet.compose.parts import find_name
from modnet.compose.plugins import get_host
from modnet.data.dataset import Dataset
from modnet.errors import DataError, Problem
from modnet.files.arrays import unpack_array
from modnet.files.opening import LIMIT, read_plain
from modnet.interfaces import ObservedRun
from modnet.nn import checkpoint
from modnet.nn.checkpoint import Checkpoints, hash_params
from modnet.runs.folder import HISTORY, HITS
from modnet.text import format_error, printable, to_csv
from modnet.types import Array, History, Params


def describe_params(data: Dataset) -> dict[str, Any]:
    """Return what it takes, besides the parameters, to predict from raw rows."""
    about: dict[str, Any] = {"classes": list(data.classes), "scale": data.scale, "features": list(data.feature_names)}
    if data.preparation:
        about["preparation"] = data.preparation.digest
    return {**about, "targets": attrs.asdict(data.target_scale)} if data.target_scale else about


def save_params(path: Path, params: Params, data: Dataset) -> None:
    """Write parameters, and what it takes to predict with them, whole or not at all: the `params.npz` of a run."""
    checkpoint.save_params(path, params, describe_params(data))


def pack_of_samples(values: Array | None) -> bytes:
    """Return the content of hits.npy or errors.npy, or nothing where there are no test samples."""
    if values is None or not len(values):
        return b""
    content = io.BytesIO()
    np.save(content, values, allow_pickle=False)
    return content.getvalue()


def unpack_of_samples(path: Path, content: bytes, count: int) -> Array:
    """Return the hits or errors (N,) in the content of a run's file; raises DataError where they are others."""
    try:
        found = unpack_array(content)
    except Exception as error:  # NumPy has many
        raise DataError(f"{path}: cannot be read ({format_error(error)})", path=path) from None
    if found.shape != (count,) or found.dtype != (np.bool_ if path.name == HITS else np.float64):
        raise DataError(f"{path}: not the {path.stem} of {count:,} test samples", path=path)
    return found


def find_baseline(data: Dataset, part: str = "test") -> float | None:
    """Return the share of a part's largest class; None without samples, and for regression 0, an R²."""
    t = data.parts[part].t
    if not data.classes or not len(t):
        return 0.0 if len(t) else None
    return float(np.bincount(t).max() / len(t))


def summarize(
    run: ObservedRun, experiment: Experiment, data: Dataset, signs: Iterable[Problem] | None = None
) -> dict[str, Any]:
    """Return the summary of a run that has ended, with the signs that it failed, where somebody looked for them."""
    history = run.history
    last = {name: values[-1] if values else math.nan for name, values in history.columns.items()}
    loaded = [plugin for plugin in get_host().plugins if plugin.state == "loaded" and plugin.version]
    plugins = dict(sorted((plugin.distribution, plugin.version) for plugin in loaded))
    first = {
        "status": run.status,
        "iterations": run.iteration,
        "stop_reason": run.stop_reason,
        "final_loss": history.loss[-1] if history.loss else None,
    }
    return {
        **first,
        **{name: value if math.isfinite(value) else None for name, value in last.items()},
        **first,  # whatever a callback has recorded
        "baseline": find_baseline(data),
        **({} if signs is None else {"diagnosis": [{"problem": each.why, "remedy": each.remedy} for each in signs]}),
        "gradient": find_name(experiment.gradient),
        "seed": experiment.seed,
        "seconds": round(run.seconds, 3),
        "params_sha256": hash_params(run.params),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **plugins},
    }


def pack_json(table: dict[str, Any]) -> bytes:
    """Return the content of summary.json or preparation.json."""
    return (json.dumps(table, indent=2) + "\n").encode()


def history_to_csv(history: History) -> str:
    """Return a history as CSV: a row per iteration, evaluations where they were made; numbers read back exactly.

    A second evaluation at an iteration, of parameters that a callback chose, has a row without a loss.
    """
    values = zip(*history.columns.values(), strict=True)
    cells = (["" if math.isnan(value) else repr(value) for value in row] for row in values)
    evaluations: dict[int, list[list[str]]] = {}
    for k, row in zip(history.evaluated_at, cells, strict=True):
        evaluations.setdefault(k, []).append(row)
    losses, nothing = ["", *map(repr, history.loss)], [""] * len(history.columns)
    rows: list[list[Any]] = []
    for k in range(0 if 0 in evaluations else 1, len(losses)):
        first, *others = evaluations.get(k, [nothing])
        rows += [[k, losses[k], *first], *([k, "", *other] for other in others)]
    return to_csv([["iteration", "loss", *history.columns], *rows])


def read_history(path: Path) -> History:
    """Return the history of a run, equal to the last bit; raises DataError with file and line."""
    # Decoded as it is read: as text, the whole may take four times as much memory.
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(read_plain(path, LIMIT)), encoding="utf-8", newline=""))
    try:
        return _read_rows(rows)
    except (ValueError, csv.Error) as error:
        line = rows.line_num
        why = printable(str(error), 200)
        raise DataError(f"{path}, line {line}: not a run's history ({why})", path=path, line=line) from None


def read_course(folder: Path, *, is_known: bool) -> History:
    """Return the history of a run: where the receipt does not know its file yet, that of its last checkpoint."""
    if not is_known and (found := Checkpoints(folder).load()):
        return found[0].history  # which has a digest, and is at least as new
    return read_history(folder / HISTORY)


def _read_rows(rows: Iterator[list[str]]) -> History:
    """Return the history in rows of cells; raises ValueError where one is damaged or missing."""
    first, second, *names = next(rows, ["", ""])
    if (first, second) != ("iteration", "loss") or len({*names}) < len(names):
        raise ValueError("the first line is not its header")
    history = History(columns={name: [] for name in names})
    for iteration, loss, *cells in rows:
        if loss:
            history.loss.append(float(loss))
        if len(cells) != len(names) or int(iteration) != len(history.loss):
            raise ValueError("a row is damaged, or one is missing before it")
        if any(cells):
            values = [float(cell or "nan") for cell in cells]
            history.record(len(history.loss), dict(zip(names, values, strict=True)))
    return history
