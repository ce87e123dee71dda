"""Rows and labels of any kind as arrays that fit together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from modnet.data.columns import (
    Column,
    PreparationSettings,
    check_are_numbers,
    describe_column,
    find_column,
    find_impute,
)
from modnet.data.labels import is_missing, is_one_hot, to_indices, to_label_array, to_labels, to_targets, to_weights
from modnet.data.preparation import Preparation
from modnet.data.samples import Samples, check_rows, describe_part
from modnet.errors import DataError
from modnet.randomness import Stream
from modnet.text import list_some
from modnet.types import Array, Shape, Task

PIXEL_COLUMNS = 16
PIXEL_MAXIMUM = 255
FEWEST_LEVELS = 32  # of grey; shares in halves or fifths are whole numbers of 255 or 256, too
ROUNDING = 1e-4  # of float32 shares times 256


def to_samples(
    parts: Mapping[str, tuple[Any, Any]],
    classes: tuple[Any, ...] | None,
    columns: Sequence[Column],
    settings: PreparationSettings,
    weights: Any = None,
) -> list[Samples]:
    """Return parts that are given as (rows, labels): rows (N, D), and labels (N,), integers or text, for targets.

    Where `classes` are given, each label becomes its place among them. For a regression targets are numbers
    (N, targets) as they are. Columns of text become codes. `weights` (N,) are those of the only part, or one of each.
    Raises DataError.
    """
    pairs = [_to_pair(given, describe_part(name), classes, settings.task) for name, given in parts.items()]
    if len(pairs) == 1 or weights is None:
        weights = [weights] * len(pairs)
    elif not isinstance(weights, (tuple, list)) or len(weights) != len(pairs):
        names, count = ", ".join(map(describe_part, parts)), "a pair" if len(pairs) == 2 else len(pairs)
        raise DataError(f"'weights' must be {count}, of the rows of each part or None: {names}")
    tables = [x for x, _ in pairs]
    for name, table in zip(parts, tables, strict=True):
        if table.shape[1] != tables[0].shape[1]:
            other = f"{describe_part(name)} rows {table.shape[1]}"
            raise DataError(f"training rows have {tables[0].shape[1]} features, {other}")
    columns = columns or (Column(),) * tables[0].shape[1]
    if len(columns) != tables[0].shape[1]:
        raise DataError(f"{len(columns)} columns are described, and rows have {tables[0].shape[1]}")
    listed = settings.encode if isinstance(settings.encode, Mapping) else ()
    tables, columns = encode_tables(tables, columns, {find_column(key, columns, "encode") for key in listed})
    may_lack = [way is not None for way in find_impute(settings, columns)]
    found = []
    for (name, x), (_, labels), given in zip(zip(parts, tables, strict=True), pairs, weights, strict=True):
        x = np.array(x, order="C", copy=True if x.flags.writeable else None)
        w = None if given is None else to_weights(given, describe_part(name), len(x))
        samples = Samples(x, labels, is_finite=True, columns=columns, weights=w)
        if x.dtype.kind == "f" or any(column.words is not None for column in columns):
            check_rows(samples, describe_part(name), may_lack)
        found.append(samples)
    return found


def _to_pair(given: Any, part: str, classes: tuple[Any, ...] | None, task: Task | None) -> tuple[Array, Array]:
    """Return rows (N, D) of any dtype and their labels (N,), or targets (N, targets); raises DataError."""
    x = _to_array(given[0], part)
    check_order(given[0], given[1], part)
    if task == "regression":
        labels = to_targets(given[1], part)
    else:
        labels = to_label_array(given[1], part)
        labels = to_labels(labels, part) if classes is None else to_indices(labels, classes, part)
    if x.ndim == 0 or x.dtype.kind not in "buifOU":
        raise DataError(f"{part} rows: expected numbers of shape (N, features), found {x.dtype} of shape {x.shape}")
    if (labels.ndim != 1 and task != "regression") or len(labels) != len(x):
        raise DataError(f"{part}: {len(x)} rows need {len(x)} labels, found labels of shape {labels.shape}")
    features = math.prod(x.shape[1:])
    if not features:
        raise DataError(f"{part} rows have no features: their shape is {x.shape}")
    return x.reshape(len(x), features), labels


def find_shape(rows: Any) -> Shape:
    """Return the shape of one of the rows where they are images, (channels, height, width); () of other rows."""
    shape: Shape = np.shape(rows[0]) if isinstance(rows, (list, tuple)) else getattr(rows, "shape", ())[1:]
    return (1, *shape) if len(shape) == 2 else shape if len(shape) > 2 else ()


def check_order(rows: Any, labels: Any, part: str) -> None:
    """Raise DataError where rows and labels of pandas belong together in another order than they stand in."""
    one: Any = getattr(rows, "index", None)
    other: Any = getattr(labels, "index", None)
    if hasattr(one, "equals") and hasattr(other, "equals") and not one.equals(other) and {*one} == {*other}:
        what = "rows and labels have the same index in another order"
        raise DataError(f"{part} {what}: bring them into one, as by y.loc[x.index]")


def list_names(rows: Any) -> list[str]:
    """Return the names that a frame has for its columns; none of other rows."""
    names = list(getattr(rows, "column_names", getattr(rows, "columns", ())))
    return names if all(isinstance(name, str) for name in names) else []


def find_features(rows: Any, names: Sequence[str]) -> Any:
    """Return rows with the columns of a frame in this order; raises DataError for one that it lacks."""
    if not names or not (known := list_names(rows)) or known == list(names):
        return rows
    counts = Counter(known)
    if wrong := [name for name in names if counts[name] != 1]:
        what = "two columns" if counts[wrong[0]] else "no column"
        raise DataError(f"the rows have {what} {wrong[0]!r}; they have {list_some(known, 12)}")
    return np.stack([np.asarray(rows[name], object) for name in names], axis=1)


def read_new_rows(rows: Any, columns: Sequence[Column], preparation: Preparation | None, scale: float) -> Samples:
    """Return raw rows, an array (N, ...) or a data frame, as samples without targets, prepared like those of training.

    Columns of a frame are found by name. Raises DataError for one that is missing, and for what training refuses.
    """
    if not hasattr(rows, "__len__") or not len(rows):
        raise DataError("there are no rows: expected an array (N, features) or a data frame")
    rows = find_features(rows, [column.name for column in columns if column.name])
    text: dict[str, Any] = {c.name or str(j): "one-hot" for j, c in enumerate(columns) if c.words is not None}
    # Which columns may lack a value, the preparation knows.
    wanted = PreparationSettings(encode=text, impute="median" if preparation else None)
    bare = [Column(column.name) for column in columns]
    (samples,) = to_samples({"new": (rows, np.zeros(len(rows)))}, None, bare, wanted)
    check_are_numbers(columns, samples.columns)
    return attrs.evolve(samples, preparation=preparation, scale=scale)


def is_pair(given: object) -> bool:
    """Say whether an argument can be (rows, labels): two arrays or lists."""
    return isinstance(given, (tuple, list)) and len(given) == 2 and all(map(_is_list, given))


def is_labels_of(rows: Any, labels: Any, task: Task | None) -> bool:
    """Say whether arguments can be rows (N, ...) and their labels (N,), or one-hot (N, classes), or (N, targets)."""
    if not _is_list(rows) or not _is_list(labels):
        return False
    if () in (getattr(rows, "shape", None), getattr(labels, "shape", None)) or len(rows) != len(labels):
        return False
    try:
        shape, dimensions = np.shape(labels), np.ndim(rows)
    except ValueError:  # rows of different lengths
        return False
    is_column = len(shape) == 1 or (len(shape) == 2 and (task == "regression" or shape[1] == 1))
    return dimensions > 0 and (is_column or (len(shape) == 2 and is_one_hot(np.asarray(labels))))


def _is_list(given: object) -> bool:
    if hasattr(given, "toarray"):
        raise DataError(f"a {type(given).__name__} is sparse: give its toarray()")
    return hasattr(given, "__len__") and hasattr(given, "__getitem__") and not isinstance(given, (str, bytes, Mapping))


def split_samples(
    samples: Samples, fraction: float, stream: Stream, *, stratified: bool, one_of_each: bool = False
) -> tuple[Samples, Samples]:
    """Return samples without a share of their rows, and these rows, both in their order.

    With `one_of_each` a class keeps a row at least, where the rows are fewer than were asked for.
    """
    labels = samples.t
    count = round(fraction * len(labels))
    if not count:
        return samples, attrs.evolve(samples, x=samples.table[:0], t=labels[:0], chosen=None, weights=None, soft=None)
    order = stream.generator().permutation(len(labels))
    places = np.arange(count)
    if stratified:
        # Class by class, every so many-th row: each class has its share to within one row.
        order = order[np.argsort(labels[order], kind="stable")]
        places = ((places + 0.5) * (len(labels) / count)).astype(np.int64)
    left, taken = np.delete(order, places), order[places]
    if one_of_each:
        found, first = np.unique(labels[taken], return_index=True)
        back = first[~np.isin(found, labels[left])]
        left, taken = np.append(left, taken[back]), np.delete(taken, back)
    return choose_samples(samples, np.sort(left)), choose_samples(samples, np.sort(taken))


def choose_samples(samples: Samples, rows: Array) -> Samples:
    """Return some of the samples, by their indices; no features are copied."""
    chosen = rows if samples.chosen is None else samples.chosen[rows]
    weights, soft = (None if own is None else own[rows] for own in (samples.weights, samples.soft))
    return attrs.evolve(samples, t=samples.t[rows], chosen=chosen, weights=weights, soft=soft)


def encode_targets(
    parts: Mapping[str, Samples], classes: tuple[Any, ...] | None, settings: PreparationSettings
) -> tuple[dict[str, Samples], tuple[Any, ...]]:
    """Return the parts with class indices, and the classes; those of a regression as they are, without classes."""
    if settings.task == "regression":
        if classes or settings.class_weight is not None or settings.stratified:
            raise DataError("a regression has no classes: take 'classes', 'class_weight' and 'stratified' out")
        targets = parts["train"].t.shape[1]
        for name, part in parts.items():
            if part.t.shape[1] != targets:
                found = f"{describe_part(name)} rows {part.t.shape[1]}"
                raise DataError(f"training rows have {targets} targets, {found}")
        return dict(parts), ()
    if classes:
        return dict(parts), classes
    words = {"b": "truth values", "i": "numbers", "U": "text"}
    labels = {name: part.t for name, part in parts.items() if len(part)}
    kind = parts["train"].t.dtype.kind
    for name, some in labels.items():
        if some.dtype.kind != kind:
            what = f"{describe_part(name)} labels {words[some.dtype.kind]}"
            raise DataError(f"training labels are {words[kind]}, {what}")
    known = np.unique(np.concatenate([*labels.values()]))
    places = {name: np.searchsorted(known, part.t.astype(known.dtype)) for name, part in parts.items()}
    encoded = {name: attrs.evolve(part, t=places[name].astype(np.int64)) for name, part in parts.items()}
    return encoded, tuple(known.tolist())


def choose_scale(samples: Samples, settings: PreparationSettings) -> PreparationSettings:
    """Return the settings with "auto" replaced: what features are divided by, and which are standardized."""
    standardize = settings.standardize != "auto" and settings.standardize
    if standardize is True or settings.scale != "auto":
        return attrs.evolve(settings, standardize=standardize)
    scale = infer_scale(samples)
    if settings.standardize == "auto" and scale is None:
        return attrs.evolve(settings, standardize=True)
    return attrs.evolve(settings, scale=scale or 1.0, standardize=standardize)


def prepare(train: Samples, given: PreparationSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how samples are prepared as the training samples say, as changes of `Samples`; and the settings for it."""
    settings, columns = choose_scale(train, given), train.columns
    kept: dict[str, Any] = {} if settings.scale == "auto" else {"scale": float(settings.scale)}
    if not settings.standardize and settings.impute is None and all(column.words is None for column in columns):
        return {"scale": kept["scale"]}, kept  # pixels, of which nothing is to be learned
    if settings.standardize:
        kept["standardize"] = settings.standardize
    found = Preparation.fit(lambda: map(train.unscaled, train.blocks()), columns, settings, train.weights)
    text = {column.name or str(j): column for j, column in enumerate(found.columns) if column.words is not None}
    encode = {key: column.words if column.encode == "ordinal" else "one-hot" for key, column in text.items()}
    return {"preparation": found}, kept | ({"encode": encode} if encode else {})


def infer_scale(samples: Samples) -> float | None:
    """Return 255 for what is evidently pixels, 1 where they are divided by 255 or 256 already, None for others."""
    table = samples.table
    is_text = any(column.words is not None for column in samples.columns)
    if table.shape[1] < PIXEL_COLUMNS or table.dtype.kind == "b" or is_text:
        return None
    largest = 0.0
    for block in samples.blocks():
        part = samples.unscaled(block)
        largest = max(largest, float(part.max()))
        if not 0 <= part.min() <= largest <= PIXEL_MAXIMUM:  # nor is NaN
            return None
    if largest > 1:
        return 255.0 if largest > PIXEL_MAXIMUM // 2 and _count_levels(samples, 1) else None
    return 1.0 if any(_count_levels(samples, whole) >= FEWEST_LEVELS for whole in (255, 256)) else None


def _count_levels(samples: Samples, factor: int) -> int:
    """Return how many different whole numbers the features are times a factor, 0 where one is not whole."""
    if samples.table.dtype.kind != "f":
        return int(factor == 1)
    seen = np.zeros(257, bool)
    for block in samples.blocks():
        numbers = samples.unscaled(block) * float(factor)
        whole = np.rint(numbers)
        if (abs(numbers - whole) > (factor > 1) * ROUNDING).any():
            return 0
        seen[np.unique(whole).astype(np.intp)] = True
    return int(seen.sum())


def encode_tables(
    tables: Sequence[Array], columns: Sequence[Column], listed: Container[int]
) -> tuple[list[Array], tuple[Column, ...]]:
    """Return raw tables of numbers, in which columns of text, and those that are listed as such, hold codes."""
    as_text = {j for j, column in enumerate(columns) if j in listed and column.words is None}
    if not as_text and all(table.dtype.kind in "buif" for table in tables):
        return list(tables), tuple(columns)
    cells = np.concatenate([table.astype(object) for table in tables])
    found, known = np.empty(cells.shape), list(columns)
    for j, column in enumerate(columns):
        where = describe_column(column.name, j)
        found[:, j], words = encode_cells(cells[:, j].tolist(), j in as_text, where)
        if words is not None:
            known[j] = attrs.evolve(column, words=words)
    return np.split(found, np.cumsum([len(table) for table in tables[:-1]])), tuple(known)


def encode_cells(cells: list[Any], as_text: bool, where: str) -> tuple[list[Any], tuple[str, ...] | None]:
    """Return cells of any kind as numbers, or as codes with their words in alphabetical order; NaN where missing."""
    numbers = [math.nan if is_missing(cell) else _to_number(cell) for cell in cells]
    odd = [cell for cell, number in zip(cells, numbers, strict=True) if number is None]
    if not as_text and not odd:
        return numbers, None
    there = [cell for cell in cells if not is_missing(cell)]
    own = {cell for cell in there if isinstance(cell, str)}
    others = [cell for cell in there if not isinstance(cell, str)]
    if others and not as_text:
        raise DataError(f"{where}: {odd[0]!r:.80} stands among numbers: make all of them text, or numbers")
    if both := [cell for cell in others if _to_word(cell) in own]:
        problem = f"has {both[0]!r:.80} and {_to_word(both[0])!r:.80}, which would be one word"
        raise DataError(f"{where} {problem}: make all of them text, or numbers")
    words = sorted({_to_word(cell) for cell in there})
    codes = {word: float(code) for code, word in enumerate(words)}
    return [math.nan if is_missing(cell) else codes[_to_word(cell)] for cell in cells], tuple(words)


def _to_number(cell: Any) -> float | None:
    if isinstance(cell, str) and "_" in cell:
        return None
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def _to_word(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _to_array(rows: Any, part: str) -> Array:
    if np.ma.is_masked(rows):  # NumPy alone would take what is behind the mask
        rows = rows.astype(object if rows.dtype.kind == "U" else np.float64).filled(math.nan)
    try:
        found = np.asarray(rows)
    except ValueError:
        raise DataError(f"{part} rows are of different lengths") from None
    # NumPy makes text of all cells of a list where some are: "nan" of a missing one.
    return np.asarray(rows, object) if found.dtype.kind == "U" and not hasattr(rows, "dtype") else found
