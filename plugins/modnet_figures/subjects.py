"""Anything trained, and its samples, as pictures need them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np

import modnet
from modnet import Array, DataError, Dataset, Network, Run, Samples, SavedRun, SettingError, Shape
from modnet.text import format_count, list_some, quote

MOST = 10_000  # samples of a run that a picture is made of
SQUARE = 36  # numbers of a sample, at least, that are taken for an image where nothing says what it is


@attrs.frozen(eq=False, kw_only=True)
class Subject:
    """Something trained, with the samples that a picture is of."""

    network: Network | None
    """The network, where it has one."""
    predict: Callable[[Any], Array]
    """The scores (N, classes) of rows as they were given, or numbers (N, targets) of a regression."""
    classes: tuple[Any, ...] = ()
    """The labels of the classes; none of a regression."""
    shape: Shape = ()
    """The shape of one sample; () where nothing says it."""
    names: tuple[str, ...] = ()
    """The names of the columns of rows."""
    rows: Any = None
    """The rows as they were given, or the raw rows of the run's own samples; None where there are none."""
    features: Array | None = None
    """The samples as the network takes them."""
    t: Array | None = None
    """Class indices (N,), or the targets of a regression (N, targets), in their unit."""
    learned: Array | None = None
    """The targets as the network learns them."""
    has_probabilities: bool = True
    """True where the scores are probabilities."""

    def require_network(self, picture: str) -> Network:
        """Return the network; raises SettingError where there is none."""
        if self.network is None:
            raise SettingError([f"{picture} are of a network: give a run, a network or an estimator of modnet"])
        return self.network

    def require_samples(self) -> Array:
        """Return the samples as the network takes them; raises SettingError where there are none."""
        if self.features is None or not len(self.features):
            raise SettingError(["there are no samples: give x"])
        return self.features

    def require_targets(self) -> Array:
        """Return class indices, or the targets of a regression; raises SettingError where there are none."""
        if self.t is None or self.rows is None or not len(self.t):
            raise SettingError(["there are no samples with targets: give x and t"])
        return self.t


def read_subject(estimator: Any, x: Any = None, t: Any = None) -> Subject:
    """Return what a picture needs of a run, a network or an estimator of scikit-learn, and of its samples.

    Without `x` they are the test samples of a run, or those for training where it has none. Raises SettingError,
    DataError.
    """
    if isinstance(x, Dataset):
        x = x.test if len(x.test) else x.train
    if t is not None and x is None:
        raise SettingError(["t goes with x: give both, or none"])
    if isinstance(estimator, (Run, SavedRun)):
        return _read_run(estimator, x, t)
    if isinstance(estimator, Network):
        return _read_network(estimator, x, t)
    if callable(getattr(estimator, "predict", None)):
        return _read_estimator(estimator, x, t)
    what = "a run, a network or an estimator of scikit-learn is expected"
    raise SettingError([f"{what}, not {type(estimator).__name__}"])


def _read_run(run: Run | SavedRun, x: Any, t: Any) -> Subject:
    model, network = run.model, run.network
    if x is None:
        data = run.data
        x = data.test if len(data.test) else data.train
        x = x.choose(np.arange(min(len(x), MOST)))
    classes: tuple[Any, ...] = model.classes
    samples = model.to_samples(model.read_rows(Path(x)) if isinstance(x, (str, PathLike)) else x)
    scale, learned = model.target_scale, None
    if t is not None:
        t = to_indices(t, classes) if classes else to_columns(t)
        learned = scale.standardize(t) if scale and not classes else t
    elif isinstance(x, Samples):
        learned = x.t
        t = scale.restore(learned) if scale and not classes else learned
    return Subject(
        network=network if isinstance(network, Network) else None,
        predict=lambda rows: model.compute_outputs(model.to_samples(rows)),
        classes=classes,
        shape=run.data.shape if isinstance(run, Run) else network.shape,
        names=model.feature_names,
        rows=samples.unscaled(slice(None)),
        features=samples.x,
        t=_check_length(t, len(samples)),
        learned=learned,
    )


def _read_network(network: Network, x: Any, t: Any) -> Subject:
    classes = () if network.loss_function.task == "regression" else tuple(range(1 + max(1, network.outputs - 1)))
    given = x
    scale = 1.0  # by which the rows as they were given are divided
    if isinstance(x, Samples):
        scale, x, t = x.scale, x.x, x.t if t is None else t
    learned = None if t is None else to_array(t, "t")
    rows = None if x is None else to_array(x, "x")
    if rows is not None and rows.shape in {network.shape, (network.inputs,)} and rows.shape != (1, network.inputs):
        rows = rows[None, ...]
        learned = learned[None, ...] if learned is not None and learned.ndim < 2 else learned
    if learned is not None:
        t = to_indices(learned, classes) if classes else to_columns(learned)
    return Subject(
        network=network,
        predict=network.predict_scores if scale == 1 else lambda raw: network.predict_scores(raw / scale),
        classes=classes,
        shape=network.shape,
        rows=rows if scale == 1 else given.unscaled(slice(None)),
        features=rows,
        t=None if rows is None else _check_length(t, len(rows)),
        learned=learned,
    )


def _read_estimator(estimator: Any, x: Any, t: Any) -> Subject:
    """Return what an estimator of scikit-learn says of itself by the attributes that all of them have."""
    if isinstance(x, Samples):
        x, t = x.unscaled(slice(None)), x.t if t is None else t
    *before, last = (step for _, step in estimator.steps) if getattr(estimator, "steps", None) else (estimator,)
    if not _is_fitted(last):
        raise SettingError([f"the {type(last).__name__} is not fitted: call its fit first"])
    labels = getattr(estimator, "classes_", None)
    classes: tuple[Any, ...] = () if labels is None else tuple(to_array(labels, "classes_").tolist())
    network = getattr(last, "network_", None)
    features = x if isinstance(network, Network) else None
    if features is not None:
        for step in before:
            features = step.transform(features)
        features = last.prepare(features)
    rows = None if x is None else to_array(x, "x")
    predict = getattr(estimator, "predict_proba", None)

    def compute_scores(given: Any) -> Array:
        if isinstance(given, np.ndarray) and hasattr(x, "iloc"):  # a frame of pandas, whose names are asked for
            given = type(x)(given, columns=x.columns)
        if not classes:
            return to_columns(estimator.predict(given))
        if predict is None:
            return np.eye(len(classes))[to_indices(estimator.predict(given), classes)]
        return to_array(predict(given), "predict_proba")

    found = None if t is None or rows is None else to_indices(t, classes) if classes else to_columns(t)
    scale = getattr(last, "target_scale_", None)
    return Subject(
        network=network if isinstance(network, Network) else None,
        predict=compute_scores,
        classes=classes,
        shape=network.shape if isinstance(network, Network) else (),
        names=tuple(map(str, getattr(estimator, "feature_names_in_", ()))),
        rows=x if rows is None or rows.dtype == object else rows,
        features=features,
        t=None if rows is None else _check_length(found, len(rows)),
        learned=found if found is None or scale is None else scale.standardize(found),
        has_probabilities=predict is not None,
    )


def _is_fitted(estimator: Any) -> bool:
    """Return whether an estimator is fitted, as far as scikit-learn's rules say; others may keep it elsewhere."""
    says = getattr(estimator, "__sklearn_is_fitted__", None)
    if callable(says):
        return bool(says())
    of_rules = type(estimator).__module__.partition(".")[0] in {"sklearn", "modnet_sklearn"}
    return not of_rules or any(name.endswith("_") for name in vars(estimator))


def _check_length(t: Any, rows: int) -> Any:
    if t is not None and len(t) != rows:
        raise DataError(f"x has {format_count(rows, 'row')} and t {len(t)}: give as many")
    return t


def to_array(values: Any, name: str) -> Array:
    """Return numbers or labels of any library as an array of NumPy's; raises DataError where it cannot be one."""
    try:
        found: Array = modnet.to_numpy(values)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be an array, its rows as long as each other") from None
    return found


def check_finite(values: Array, name: str) -> Array:
    """Return numbers, or raise DataError where one is not finite."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        place = tuple(np.argwhere(~np.isfinite(values))[0].tolist())
        raise DataError(f"{name} must be finite, and there is {values[place]} in row {place[0]}: leave that row out")
    return values


def to_columns(values: Any) -> Array:
    """Return numbers of a regression as (N, targets) float64; raises DataError."""
    try:
        found = to_array(values, "t").astype(np.float64)
    except (TypeError, ValueError):
        raise DataError("t must be numbers, as it is a regression") from None
    found = found.reshape(0, 1) if not found.size else found.reshape(len(found) if found.ndim else 1, -1)
    return check_finite(found, "targets and predictions")


def to_indices(t: Any, classes: Sequence[Any]) -> Array:
    """Return labels, class indices of labels that are text, or one-hot rows, as class indices (N,).

    Raises DataError for a label that is not one of the classes.

    >>> to_indices(["b", "a"], ["a", "b"]), to_indices([[0.0, 1.0]], ["a", "b"])
    (array([1, 0]), array([1]))
    """
    given = to_array(t, "t")
    if given.ndim == 2 and given.shape[1] == len(classes) and given.dtype.kind in "biuf":
        found: Array = given.argmax(axis=1)
        return found
    labels = given.reshape(-1).tolist()
    if given.dtype.kind in "iu" and all(isinstance(label, str) for label in classes):
        if labels and not 0 <= min(labels) <= max(labels) < len(classes):
            raise DataError(f"class indices must be from 0 to {len(classes) - 1}: {min(labels)} to {max(labels)}")
        return given.reshape(-1).astype(np.int64)
    places = {str(label): place for place, label in enumerate(classes)}
    each = [places.get(str(label), _find_whole(label, places)) for label in labels]
    if None in each:
        wrong = labels[each.index(None)]
        known = list_some((quote(str(label)) for label in classes), 5)
        raise DataError(f"{quote(str(wrong))} is none of the classes: available: {known}")
    return np.array(each, np.int64)


def _find_whole(label: Any, places: dict[str, int]) -> int | None:
    """Return the place of a number that is whole, whatever its type is."""
    is_whole = isinstance(label, (bool, float)) and float(label).is_integer()
    return places.get(str(int(label))) if is_whole else None


def check_most(most: Any, least: int) -> None:
    """Raise SettingError where `most` is not a number of things, so many at least."""
    if not isinstance(most, (int, np.integer)) or most < least:
        raise SettingError([f"must be a whole number, {least} or more: {most!r}"], "most")


def check_scores(y: Array, classes: Sequence[Any]) -> None:
    """Raise DataError where scores (N, classes) are not of so many classes."""
    if y.shape[1] != len(classes):
        count = format_count(len(classes), "class", "classes")
        raise DataError(f"y has scores of {y.shape[1]} classes beside {count}: name each class, in the order of y")


def find_image_shape(shape: Shape, names: Sequence[str] = ()) -> Shape | None:
    """Return (channels, height, width) of samples that are images, or seem to be square ones; else None.

    A row whose columns have `names` of their own is none.

    >>> find_image_shape((1, 28, 28)), find_image_shape((784,)), find_image_shape((13,))
    ((1, 28, 28), (1, 28, 28), None)
    """
    if len(shape) == 2:
        return (1, *shape)
    if len(shape) == 3:
        return shape if shape[0] in {1, 3} else None
    if len({re.sub(r"\d+", "", name) for name in names}) > 1:  # "pixel1", "pixel2" are alike
        return None
    side = math.isqrt(math.prod(shape))
    return (1, side, side) if len(shape) == 1 and side * side == shape[0] >= SQUARE else None
