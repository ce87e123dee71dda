"""The files of a run compared with what training makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from modnet.compose.experiment import Experiment, to_table
from modnet.compose.toml import read_toml
from modnet.data.dataset import Dataset
from modnet.errors import DataError, SettingError
from modnet.files.opening import read_json, read_plain
from modnet.interfaces import ObservedRun
from modnet.nn.checkpoint import load_params
from modnet.runs.contents import describe_params, pack_json, pack_of_samples, summarize, unpack_of_samples
from modnet.runs.folder import ERRORS, EXPERIMENT, HITS, PARAMS, PREPARATION, SUMMARY
from modnet.runs.receipt import PLACE, compare_settings, flatten
from modnet.runs.surroundings import Difference, compare_entries
from modnet.types import Array, Params, Status

UNVERIFIED = ("seconds", "versions")  # of a summary: another run of the same bits may have them otherwise


def find_deviations(folder: Path, run: ObservedRun, experiment: Experiment, data: Dataset) -> list[Difference]:
    """Return what a run's folder has otherwise than a run that was trained again; the history is not compared."""
    fitted = flatten(data.preparation.to_dict() if data.preparation else {})
    comparisons: dict[str, Callable[[Path], Iterable[Difference]]] = {
        EXPERIMENT: lambda path: compare_settings(read_toml(path), to_table(experiment), PLACE, EXPERIMENT),
        PARAMS: lambda path: _compare_params(path, run.params, describe_params(data)),
        PREPARATION: lambda path: compare_entries(path.name, flatten(read_json(path) if path.exists() else {}), fitted),
        HITS: lambda path: _compare_of_samples(path, run.hits, run.status),
        ERRORS: lambda path: _compare_of_samples(path, run.errors, run.status),
        SUMMARY: lambda path: _compare_summary(path, summarize(run, experiment, data)),
    }
    found: list[Difference] = []
    for name, compare in comparisons.items():
        try:
            found += compare(folder / name)
        except (DataError, SettingError) as error:
            found.append(Difference(name, str(error).removeprefix(f"{folder / name}: ")))
    return found


def _compare_params(path: Path, made: Params, about: dict[str, Any]) -> Iterator[Difference]:
    """Yield the first number of each array that differs in its bits, or else dtypes and shapes; then other entries."""
    there, description = load_params(path)
    for name in {**made, **there}:
        pair = there.get(name), made.get(name)
        kinds = ["" if array is None else f"{array.dtype.name} {array.shape}" for array in pair]
        if kinds[0] != kinds[1]:
            yield Difference(PARAMS, name, *kinds)
            continue
        for index, *values in _find_first_change(there[name], made[name]):
            yield Difference(PARAMS, f"{name}[{', '.join(map(str, index))}]", *map(repr, values))
    yield from compare_entries(PARAMS, description, about)


def _find_first_change(there: Array, made: Array) -> Iterator[tuple[tuple[int, ...], Any, Any]]:
    """Yield the place of the first number that differs in its bits, with both values."""
    pair = [np.ascontiguousarray(array, made.dtype.newbyteorder("<")).reshape(-1) for array in (there, made)]
    bits = [array.view(np.uint8) for array in pair]
    for byte in np.flatnonzero(bits[0] != bits[1])[:1]:
        i = int(byte) // made.itemsize
        yield tuple(map(int, np.unravel_index(i, made.shape))), pair[0][i].item(), pair[1][i].item()


def _compare_of_samples(path: Path, values: Array | None, status: Status) -> Iterator[Difference]:
    """Yield the first hit, or error, of a test sample that differs."""
    content, expected = read_plain(path) if path.exists() else b"", pack_of_samples(values)
    # A run that failed again as soon as it was resumed was not evaluated since.
    if content == expected or (not content and status is Status.FAILED):
        return
    if values is None or not content or not expected:
        yield Difference(path.name, "the file", *("there" if side else "" for side in (content, expected)))
        return
    words = {True: "recognised", False: "missed"} if path.name == HITS else {}
    for (i,), *pair in _find_first_change(unpack_of_samples(path, content, len(values)), values):
        yield Difference(path.name, f"sample {i}", *(words.get(value, repr(value)) for value in pair))


def _compare_summary(path: Path, made: dict[str, Any]) -> list[Difference]:
    there, text = read_json(path), read_plain(path)
    made |= {key: there[key] for key in UNVERIFIED if key in there}
    found = compare_entries(SUMMARY, there, made)
    if not found and text != pack_json(made):
        found = [Difference(SUMMARY, "not written as the run writes it")]
    return found
