"""The files of a run compared with what training makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.compose.experiment import Experiment, to_table
from modnet.compose.tables import find_changes
from modnet.compose.toml import read_toml
from modnet.data.dataset import Dataset
from modnet.errors import DataError, SettingError
from modnet.files.arrays import unpack_array
from modnet.files.opening import read_json, read_plain
from modnet.interfaces import ObservedRun
from modnet.nn.checkpoint import load_params
from modnet.runs.contents import describe_params, pack_hits, pack_summary, summarize
from modnet.runs.folder import EXPERIMENT, HITS, PARAMS, SUMMARY
from modnet.text import printable
from modnet.types import Array, Params, Status

UNVERIFIED = ("seconds", "versions")
"""The entries of a summary that another run of the same bits may have otherwise."""
LONGEST = 60


@attrs.frozen
class Deviation:
    """Something in a run's folder that is not what the run makes."""

    file: str
    what: str
    there: str = ""
    made: str = ""

    def __str__(self) -> str:
        what = f"{self.file}: {printable(self.what, LONGEST)}"
        if self.there == self.made:  # in words
            return what
        there, made = (printable(text, LONGEST) or "none" for text in (self.there, self.made))
        return f"{what} {there} there, {made} made"


def find_deviations(folder: Path, run: ObservedRun, experiment: Experiment, data: Dataset) -> tuple[Deviation, ...]:
    """Return what differs between a run's folder and a run that was trained again; the history is not compared."""
    return (
        *_compare_experiment(folder / EXPERIMENT, experiment),
        *_compare_params(folder / PARAMS, run.params, describe_params(data)),
        *_compare_hits(folder / HITS, run),
        *_compare_summary(folder / SUMMARY, summarize(run, experiment)),
    )


def _compare_experiment(path: Path, experiment: Experiment) -> Iterator[Deviation]:
    """Yield the settings that are not as a run writes them: complete, with all that the data's source inferred."""
    try:
        there = read_toml(path)
    except SettingError as error:
        yield Deviation(EXPERIMENT, _explain(error, path))
        return
    made = to_table(experiment)
    for table in (there, made):  # where the data lies may change
        if isinstance(table.get("data"), dict):
            table["data"].pop("path", None)
    for key in find_changes(there, made):
        yield Deviation(EXPERIMENT, f"{key} is not as the run writes it")


def _compare_params(path: Path, made: Params, about: dict[str, Any]) -> Iterator[Deviation]:
    try:
        there, description = load_params(path)
    except DataError as error:
        yield Deviation(PARAMS, _explain(error, path))
        return
    for name in {**made, **there}:
        if difference := _compare_arrays(name, there.get(name), made.get(name)):
            yield Deviation(PARAMS, *difference)
    yield from _compare_entries(PARAMS, description, about)


def _compare_arrays(name: str, there: Array | None, made: Array | None) -> tuple[str, str, str] | None:
    """Return the first number that differs in its bits, with both values, or else dtypes and shapes."""
    kinds = ["" if array is None else f"{array.dtype.name} {array.shape}" for array in (there, made)]
    if there is None or made is None or kinds[0] != kinds[1]:
        return name, kinds[0], kinds[1]
    pair = [np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1) for array in (there, made)]
    bits = [array.view(np.uint8) for array in pair]
    differing = np.flatnonzero(bits[0] != bits[1])
    if not len(differing):
        return None
    first = int(differing[0]) // there.itemsize
    index = ", ".join(str(i) for i in np.unravel_index(first, there.shape))
    return f"{name}[{index}]", repr(pair[0][first].item()), repr(pair[1][first].item())


def _compare_hits(path: Path, run: ObservedRun) -> Iterator[Deviation]:
    content, expected = read_plain(path) if path.exists() else b"", pack_hits(run.hits)
    # A run that failed again as soon as it was resumed has taken no accuracies since.
    if content == expected or (not content and run.status is Status.FAILED):
        return
    if not content or not expected:
        yield Deviation(HITS, "the file", *("as it is" if side else "" for side in (content, expected)))
        return
    made = np.asarray(run.hits)
    try:
        there = unpack_array(content)
    except Exception:  # NumPy has many
        there = None
    if there is None or (there.dtype, there.shape) != (made.dtype, made.shape):
        yield Deviation(HITS, f"not the hits of {len(made):,} test samples")
    elif len(differing := np.flatnonzero(there != made)):
        i = int(differing[0])
        yield Deviation(HITS, f"sample {i}", *("recognised" if hits[i] else "missed" for hits in (there, made)))


def _compare_summary(path: Path, made: dict[str, Any]) -> Iterator[Deviation]:
    try:
        there = read_json(path)
        text = read_plain(path)
    except DataError as error:
        yield Deviation(SUMMARY, _explain(error, path))
        return
    made |= {key: there[key] for key in UNVERIFIED if key in there}
    found = list(_compare_entries(SUMMARY, there, made))
    if not found and text != pack_summary(made):
        found = [Deviation(SUMMARY, "not written as the run writes it")]
    yield from found


def _compare_entries(file: str, there: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[Deviation]:
    """Yield the entries of JSON objects that differ: a number and the same number with a point are two."""
    for key in {**made, **there}:
        pair = [json.dumps(table[key]) if key in table else "" for table in (there, made)]
        if pair[0] != pair[1]:
            yield Deviation(file, key, *pair)


def _explain(error: Exception, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")
