"""Frames with or without labels, and scikit-learn's bunches, as tables with types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet import DataError, MissingExtraError
from modnet.files import printable, quote
from modnet_data.frame.cells import Cells, cells_of, from_array, from_list
from modnet_data.table.typed import TypedTable, Values

MARKS = (
    *("__dataframe__", "__arrow_c_stream__", "__narwhals_dataframe__", "__narwhals_lazyframe__", "collect_schema"),
    "__column_consortium_standard__",  # of a series of pandas 2
)
"""Attributes of data frames and series, by which they are known without the libraries that make them."""
LABEL = "label"


@attrs.frozen
class Given:
    """A table of what was given, and what is known of its label."""

    table: TypedTable
    label: tuple[str, ...] = ()
    """The columns of labels that were given beside the rows."""
    is_regression: bool = False
    """True where scikit-learn's convention says so: the targets of a Bunch are floats."""
    numbered: bool = False
    """True where columns are called by numbers, which then are names and no places."""


def is_frame(given: object) -> bool:
    """Say whether an object looks like a data frame; series look alike, and are told apart when they are read."""
    return any(hasattr(type(given), mark) for mark in MARKS)


def is_pair(given: object) -> bool:
    """Say whether an object is a frame and its labels."""
    return isinstance(given, tuple) and len(given) == 2 and is_frame(given[0])


def is_bunch(given: object) -> bool:
    """Say whether an object is scikit-learn's Bunch, or a mapping like it."""
    return isinstance(given, Mapping) and {"data", "target"} <= given.keys()


def take_apart(given: Any, path: Path) -> Given:
    """Return what was given as a table, which messages call `path`; raises DataError."""
    if is_bunch(given):
        return _of_bunch(given, path)
    if not is_pair(given):
        names, columns = _of_frame(given, path)
        return _to_given(path, names, columns)
    rows, labels = given
    names, columns = _of_frame(rows, path)
    _check_index(rows, labels, path)
    name, cells = _labels_of(labels, path)
    return _with_labels(path, names, columns, {name: cells})


def _of_frame(given: Any, path: Path) -> tuple[list[Any], list[Cells]]:
    """Return the names of a frame's columns, which need not be text, and the columns."""
    frame = from_native(given, path)
    if hasattr(frame, "collect"):
        frame = frame.collect()
    if not hasattr(frame, "columns"):
        what = "a series alone, expected a data frame: modnet.load((rows, labels)) takes a series as labels"
        raise DataError(f"{path}: {what}")
    return list(frame.columns), [cells_of(series) for series in frame.iter_columns()]


def from_native(given: Any, path: Path) -> Any:
    """Return a data frame as narwhals has it; raises MissingExtraError and DataError."""
    try:
        import narwhals.stable.v2 as nw
        from narwhals.exceptions import DuplicateError
    except ImportError:
        raise MissingExtraError("a data frame", "frames") from None
    try:
        return nw.from_native(given, allow_series=True)
    except DuplicateError:
        twice = [name for name, count in Counter(map(str, given.columns)).items() if count > 1]
        raise DataError(f"{path}: two columns are named {quote(twice[0])}: rename one of them") from None
    except TypeError:
        what = f"an object of type {type(given).__name__}"
        raise DataError(f"{path}: expected a data frame of pandas, polars or pyarrow, found {what}") from None


def _of_bunch(bunch: Mapping[str, Any], path: Path) -> Given:
    data, names = bunch["data"], bunch.get("feature_names")
    if is_frame(data):
        names, columns = _of_frame(data, path)
    else:
        rows = data if isinstance(data, np.ndarray) else np.empty(0)
        if rows.ndim < 2:
            found = f"a {type(data).__name__}" + f" of shape {np.shape(data)}" * isinstance(data, np.ndarray)
            raise DataError(
                f"{path}: expected a Bunch whose 'data' is an array (N, features) or a frame, found {found}"
            )
        rows = rows.reshape(len(rows), -1)
        names = list(names) if names is not None and len(names) == rows.shape[1] else list(range(rows.shape[1]))
        columns = [from_array(rows[:, j]) for j in range(rows.shape[1])]
    words = bunch.get("target_names")
    words = [] if words is None else [*map(str, words)]
    labels = _targets_of(bunch["target"], words, path)
    if len(labels) == 1 and len(words) > 1:
        labels = {name: _name_classes(cells, words) for name, cells in labels.items()}
    given = _with_labels(path, names, columns, labels)
    is_float = all(isinstance(cells.kind, np.dtype) and cells.kind.kind == "f" for cells in labels.values())
    return attrs.evolve(given, is_regression=is_float)


def _targets_of(targets: Any, names: Sequence[str], path: Path) -> dict[str, Cells]:
    """Return the targets of a Bunch by their names: a class or a number for each row, or several numbers."""
    if isinstance(targets, np.ndarray) and targets.ndim == 2 and targets.shape[1] == len(names) > 1:
        return {name: from_array(targets[:, j]) for j, name in enumerate(names)}
    if is_frame(targets) and hasattr(targets, "columns"):
        own, columns = _of_frame(targets, path)
        return dict(zip(map(_to_name, own), columns, strict=True))
    name, cells = _labels_of(targets, path)
    return {names[0] if len(names) == 1 else name: cells}


def _name_classes(cells: Cells, words: Sequence[str]) -> Cells:
    """Return labels that number the names of classes as these names; others as they are."""
    values = cells.values
    numbers = values.values if values and isinstance(cells.kind, np.dtype) and cells.kind.kind in "iu" else None
    if numbers is None or len(words) < 2 or not len(numbers) or not 0 <= numbers.min() <= numbers.max() < len(words):
        return cells
    if all(word.isdecimal() for word in words):  # digits: their names are numbers
        return from_array(np.array([*map(int, words)])[numbers])
    return Cells("text", "text", Values(numbers.astype(np.int32), None, tuple(words)))


def _labels_of(labels: Any, path: Path) -> tuple[str, Cells]:
    """Return the name of labels, and their cells: of a series, of a frame of one column, or of an array or a list."""
    if is_frame(labels):
        made = from_native(labels, path)
        if hasattr(made, "columns"):
            names, columns = _of_frame(labels, path)
            if len(columns) != 1:
                raise DataError(f"{path}: the labels are a frame of {len(columns)} columns, expected one")
            return str(names[0]), columns[0]
        return str(made.name or LABEL), cells_of(made)
    if hasattr(labels, "__array__"):
        labels = np.asarray(labels)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1:
            raise DataError(f"{path}: expected labels of shape (N,), found {labels.shape}")
        return LABEL, from_array(labels)
    if isinstance(labels, (list, tuple)):
        return LABEL, from_list(labels)
    raise DataError(f"{path}: expected labels as a series, an array or a list, found a {type(labels).__name__}")


def _check_index(rows: Any, labels: Any, path: Path) -> None:
    """Raise DataError where rows and labels of pandas belong together in another order than they stand in."""
    one: Any = getattr(rows, "index", None)
    other: Any = getattr(labels, "index", None)
    if not (hasattr(one, "equals") and hasattr(other, "equals")) or one.equals(other):
        return
    if len(one) == len(other) and {*one} == {*other}:
        hint = "bring them into one, as by y.loc[x.index]"
        raise DataError(f"{path}: rows and labels have the same index in another order: {hint}")


def _with_labels(path: Path, names: Sequence[Any], columns: Sequence[Cells], labels: Mapping[str, Cells]) -> Given:
    rows = _rows(columns[0]) if columns else 0
    for name, cells in labels.items():
        if _rows(cells) != rows:
            raise DataError(f"{path}: {rows:,} rows need {rows:,} labels, found {_rows(cells):,}")
        if name in [*map(_to_name, names)]:
            what = f"the labels are named {quote(name)}, and so is a column of the rows"
            raise DataError(f"{path}: {what}: take it out of them, or rename the labels")
    return attrs.evolve(_to_given(path, [*names, *labels], [*columns, *labels.values()]), label=tuple(labels))


def _rows(cells: Cells) -> int:
    return len(cells.values.values) if cells.values else -1


def _to_given(path: Path, names: Sequence[Any], columns: Sequence[Cells]) -> Given:
    """Return the table of columns with these names."""
    texts = tuple(map(_to_name, names))
    if twice := [name for name, count in Counter(texts).items() if count > 1]:
        raise DataError(f"{path}: two columns are named {quote(twice[0])}: rename one of them")
    kinds = tuple(cells.kind for cells in columns)
    types = tuple(printable(cells.type, 60) for cells in columns)

    def blocks(which: Sequence[int], first: int = 0) -> Iterator[list[Values]]:
        found = [values for i in which if (values := columns[i].values)]
        if found and len(found[0].values):
            yield [_cut(values, first) if first else values for values in found]

    rows = max(map(_rows, columns), default=0)
    numbered = any(isinstance(name, int) for name in names)
    return Given(TypedTable(path, texts, types, kinds, rows, blocks), numbered=numbered)


def _to_name(name: Any) -> str:
    """Return a column's name as text: those of several levels in a row."""
    return " ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name)


def _cut(values: Values, rows: int) -> Values:
    missing = None if values.missing is None else values.missing[:rows]
    return Values(values.values[:rows], missing, values.words)
