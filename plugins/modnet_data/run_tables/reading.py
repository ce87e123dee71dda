"""Tables of runs in CSV files, data frames and mappings."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, SettingError
from modnet.files import printable, quote, read_bytes, reading
from modnet_data.frame.given import from_native
from modnet_data.run_tables.columns import KNOWN, Rows, normalize
from modnet_data.run_tables.table import RunTable, from_rows, to_hits, to_word

LONGEST = 60  # characters of a setting's name in a message


def read_runs(
    runs: Any, asked: Mapping[str, str | Sequence[str] | None], diverged: float | None, *, paired: bool | None
) -> RunTable:
    """Return the runs in a CSV file, a data frame, or a mapping of settings; `asked` are the names of columns.

    Raises SettingError and DataError.
    """
    if isinstance(runs, Mapping):
        if given := [role for role, name in asked.items() if name]:
            raise SettingError(["a mapping of settings has no columns: leave it out"], given[0])
        return _from_mapping(runs, diverged, paired=bool(paired))
    if paired is not None:
        raise SettingError(["a table pairs by its seeds: leave it out, or name the column of seeds"], "paired")
    if isinstance(runs, (str, PathLike)):
        path = Path(runs)
        return from_rows(str(path), *_read_csv(path), asked, diverged)
    return from_rows("data frame", *_read_frame(runs), asked, diverged)


def _read_csv(path: Path) -> tuple[list[str], Rows]:
    """Return the names of a file's columns, and its rows, each with its place; raises DataError."""
    content = read_bytes(path)
    with reading(path):
        text = content.decode("utf-8-sig")
    head = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    with reading(path):
        names = [to_word(name) for name in next(rows, [])]

    def read() -> Rows:
        with reading(path):
            for row in rows:
                place = f"{path}, line {rows.line_num}"
                if len(row) != len(names) and row:
                    raise DataError(f"{place}: cells: {len(row)}, expected {len(names)} as in line 1")
                if row:
                    yield place, row

    return names, read()


def _read_frame(given: Any) -> tuple[list[str], Rows]:
    frame = from_native(given, Path("data frame"))
    if hasattr(frame, "to_frame"):
        raise DataError("data frame: expected a table with a row for each run, found a series: give its data frame")
    frame = frame.collect() if hasattr(frame, "collect") else frame
    known = {word for words in KNOWN.values() for word in words.split()}
    index = [name for name in getattr(getattr(given, "index", None), "names", ()) if normalize(str(name)) in known]
    if index:
        what = f"{quote(str(index[0]))} is in the index, which is not read"
        raise DataError(f"data frame: {what}: make a column of it, by frame.reset_index()")
    cells = zip(*(_list_cells(series) for series in frame.iter_columns()), strict=True)
    return [*map(str, frame.columns)], ((f"data frame, row {i}", [*row]) for i, row in enumerate(cells, 1))


def _list_cells(series: Any) -> list[Any]:
    found: list[Any] = series.to_list()
    return _to_decimals(np.array(found, np.float32)).tolist() if str(series.dtype) == "Float32" else found


def _to_decimals(values: Array) -> Array:
    """Return numbers of few bits as the decimals that they print, 0.91 and not 0.910000026, which show the rounding."""
    return values.astype(np.str_).astype(np.float64) if values.dtype in (np.float16, np.float32) else values


def _from_mapping(runs: Mapping[Any, Any], diverged: float | None, *, paired: bool) -> RunTable:
    found: list[tuple[str, list[Any], Array]] = []  # name, seeds, values
    for key, given in runs.items():
        name, has_seeds = to_word(key), isinstance(given, Mapping)
        try:
            values = np.asarray([*given.values()] if has_seeds else given)
        except ValueError:  # of rows that are not equally long
            values = np.asarray([])
        if values.dtype.kind not in "biuf" or values.ndim not in (1, 2) or not values.size:
            what = " ".join(repr(given).split())
            expected = f"expected scores (seeds,), or hits (seeds, samples), found {what:.100}"
            raise DataError(f"{printable(name, LONGEST)}: {expected}")
        found.append((name, [*given] if has_seeds else [*range(len(values))] if paired else [], values))
    if twice := [name for name, count in Counter(name for name, *_ in found).items() if count > 1]:
        raise DataError(f"two settings are named {quote(twice[0])}: rename one of them")
    if len({(values.ndim, bool(seeds)) for _, seeds, values in found}) > 1:
        raise DataError("expected the same of each setting: scores, scores by seed ({seed: score}), or hits of samples")
    if found and found[0][2].ndim == 2:
        return _from_arrays({(name,): values for name, _, values in found})
    columns = ["setting", *["seed"] * any(seeds for _, seeds, _ in found), "score"]
    rows = (
        (f"runs, place {i}", [name, *seeds[i : i + 1], score])
        for name, seeds, values in found
        for i, score in enumerate(_to_decimals(values).tolist())
    )
    return attrs.evolve(from_rows("runs", columns, rows, dict.fromkeys(KNOWN), diverged), score="")


def _from_arrays(arrays: dict[tuple[str, ...], Array]) -> RunTable:
    shapes = {key[0]: values.shape for key, values in arrays.items()}
    if len({*shapes.values()}) > 1:
        raise DataError(f"expected hits of the same seeds and samples of each setting, found shapes {shapes}")
    if not all(np.isfinite(values).all() for values in arrays.values()):
        raise DataError("each sample of each run needs a finite value")
    seeds = tuple(map(str, range(len(next(iter(arrays.values()))))))
    return RunTable("runs", ("setting",), "", {key: {} for key in arrays}, to_hits(arrays), seeds)
