"""Rows and labels as samples, prepared as training samples say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from modnet import Array, Column, DataError, Preparation, Samples, Shape, Task
from modnet.data import describe_part, encode_tables, infer_scale, make_samples, read_tables
from modnet_datasets.labels import is_one_hot, to_indices, to_label_array, to_labels, to_targets
from modnet_datasets.settings import PreparationSettings, find_column, find_impute
from modnet_datasets.tensors import to_weights


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
    labels = [_read_labels(given, describe_part(name), classes, settings.task) for name, given in parts.items()]
    if len(labels) == 1 or weights is None:
        weights = [weights] * len(labels)
    elif not isinstance(weights, (tuple, list)) or len(weights) != len(labels):
        names, count = ", ".join(map(describe_part, parts)), "a pair" if len(labels) == 2 else len(labels)
        raise DataError(f"'weights' must be {count}, of the rows of each part or None: {names}")
    tables = read_tables({name: rows for name, (rows, _) in parts.items()})
    columns = columns or (Column(),) * tables[0].shape[1]
    listed = settings.encode if isinstance(settings.encode, Mapping) else ()
    tables, columns = encode_tables(tables, columns, {find_column(key, columns, "encode") for key in listed})
    may_lack = [way is not None for way in find_impute(settings, columns)]
    every = make_samples(dict(zip(parts, tables, strict=True)), columns, may_lack)
    found = []
    for name, samples, t, given in zip(parts, every, labels, weights, strict=True):
        part, rows = describe_part(name), len(samples.table)
        check_order(parts[name][0], given, part, "weights")
        if (t.ndim != 1 and settings.task != "regression") or len(t) != rows:
            raise DataError(f"{part}: {rows} rows need {rows} labels, found labels of shape {t.shape}")
        found.append(attrs.evolve(samples, t=t, weights=None if given is None else to_weights(given, part, rows)))
    return found


def _read_labels(given: tuple[Any, Any], part: str, classes: tuple[Any, ...] | None, task: Task | None) -> Array:
    """Return labels (N,), or targets (N, targets), of rows that are in the same order; raises DataError."""
    rows, labels = given
    check_order(rows, labels, part)
    if task == "regression":
        return to_targets(labels, part)
    found = to_label_array(labels, part)
    return to_labels(found, part) if classes is None else to_indices(found, classes, part)


def find_shape(rows: Any) -> Shape:
    """Return the shape of one of the rows where they are images, (channels, height, width); () of other rows."""
    shape: Shape = np.shape(rows[0]) if isinstance(rows, (list, tuple)) and rows else getattr(rows, "shape", ())[1:]
    return (1, *shape) if len(shape) == 2 else shape if len(shape) > 2 else ()


def check_order(rows: Any, labels: Any, part: str, name: str = "labels") -> None:
    """Raise DataError where rows and labels or weights of pandas belong together in another order than they have."""
    one: Any = getattr(rows, "index", None)
    other: Any = getattr(labels, "index", None)
    if hasattr(one, "equals") and hasattr(other, "equals") and not one.equals(other) and {*one} == {*other}:
        what = f"rows and {name} have the same index in another order"
        raise DataError(f"{part} {what}: bring them into one, as by {name}.loc[rows.index]")


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
