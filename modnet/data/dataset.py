"""Data sets: training and test samples, and the classes of their labels."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from modnet.data.arrays import (
    encode_targets,
    find_features,
    is_labels_of,
    is_pair,
    list_names,
    prepare,
    split_samples,
    to_samples,
)
from modnet.data.columns import Column, PreparationSettings, check_are_numbers
from modnet.data.labels import check_classes, to_classes
from modnet.data.preparation import Preparation
from modnet.data.samples import Samples, check_samples, describe_part
from modnet.data.targets import TargetScale, to_weights, weigh_classes
from modnet.errors import DataError, SettingError, describe_unknown
from modnet.text import format_count
from modnet.types import Array, Task


@attrs.frozen(eq=False, repr=False)
class Dataset:
    """Training and test samples. Class index i stands for the label `classes[i]`.

    `settings` are the source's settings that were inferred from the data, so that nothing is inferred twice.
    `feature_names` are the columns' names, where the source knows them; `notes` are for the user, such as a number of
    rows that were left out.
    """

    train: Samples
    test: Samples
    classes: tuple[Any, ...]
    settings: dict[str, Any] = attrs.field(factory=dict)
    feature_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    more_parts: Mapping[str, Samples] = attrs.field(factory=dict)
    """Samples besides those for training and test, by the name of their part."""
    target_scale: TargetScale | None = None
    """The scale of the targets of a regression, which are standardized."""

    def __repr__(self) -> str:
        answers = f"in {len(self.classes)} classes" if self.classes else f"with {format_count(self.outputs, 'target')}"
        return f"<Dataset: {self.format_sizes()} samples of {self.features} features {answers}>"

    @property
    def parts(self) -> dict[str, Samples]:
        """All samples by the name of their part: `train`, `test`, then those of `more_parts`."""
        return {"train": self.train, "test": self.test, **self.more_parts}

    def format_sizes(self) -> str:
        """Return the number of samples in each part, in words.

        >>> modnet.load("mnist-small").format_sizes()
        '5,000 training and 1,000 test'
        """
        return " and ".join(f"{len(samples):,} {describe_part(name)}" for name, samples in self.parts.items())

    def with_parts(self, parts: Mapping[str, Samples]) -> Dataset:
        """Return the data set with other samples in its parts."""
        others = {name: samples for name, samples in parts.items() if name not in {"train", "test"}}
        return attrs.evolve(self, train=parts["train"], test=parts["test"], more_parts=others)

    @property
    def features(self) -> int:
        """The number of columns of `x`."""
        return self.train.features

    @property
    def task(self) -> Task:
        """The task: regression where there are no classes."""
        return "classification" if self.classes else "regression"

    @property
    def outputs(self) -> int:
        """The number of outputs that a network needs: one for each class or target."""
        return len(self.classes) if self.classes else int(self.train.t.shape[1])

    def to_unit(self, targets: Array) -> Array:
        """Return targets or predictions of a regression (N, targets) in the unit that the source has them in."""
        return self.target_scale.restore(targets) if self.target_scale else targets

    @property
    def scale(self) -> float:
        """The number that the features were divided by."""
        return float(self.settings.get("scale", 1.0))

    @property
    def preparation(self) -> Preparation | None:
        """The preparation of columns by the training rows; None where features are divided at most."""
        return self.train.preparation

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the raw tables."""
        names = self.feature_names or ("",) * self.train.table.shape[1]
        return self.train.columns or tuple(map(Column, names))

    def prepare(self, rows: Any) -> Array:
        """Return the features (N, D) float64, what a network takes, of raw rows: an array (N, ...) or a data frame.

        The columns of a frame are found by name. Raises DataError for one that is missing, and for what training
        refuses.

        >>> data = Dataset.from_arrays([[1, "x"], [3, "y"], [1, "x"], [3, "y"]], [0, 1, 0, 1], test_fraction=0)
        >>> data.prepare([[3, "x"], [1, "z"]])
        array([[ 1.,  1.,  0.],
               [-1.,  0.,  0.]])
        """
        rows = find_features(rows, self.feature_names)
        text = {column.name or str(j): "one-hot" for j, column in enumerate(self.columns) if column.words is not None}
        impute = "median" if self.preparation else None  # which columns may lack a value, the preparation knows
        columns = [Column(column.name) for column in self.columns]
        wanted = _read_settings({"encode": text, "impute": impute})
        (samples,) = to_samples({"new": (rows, np.zeros(len(rows)))}, None, columns, wanted)
        check_are_numbers(self.columns, samples.columns)
        return attrs.evolve(samples, preparation=self.preparation, scale=self.scale).x

    @classmethod
    def from_arrays(
        cls,
        train: Any,
        test: Any = None,
        *,
        classes: Sequence[Any] | None = None,
        columns: Sequence[Column] = (),
        feature_names: Sequence[str] = (),
        weights: Any = None,
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        **preparation: Any,
    ) -> Dataset:
        """Return a data set from rows (N, ...) and their labels (N,) or one-hot labels (N, classes).

        They are given as `from_arrays(rows, labels)`, or as pairs: `from_arrays((rows, labels), (rows, labels))` has a
        test part. Other keywords are `modnet.PreparationSettings`, which say how rows are split, and columns prepared.
        Features are flattened to (N, D). Rows may hold text: such columns become codes of words, as do `columns` that
        have words. Columns of a frame are found by name in a test part that is a frame, too. `classes` are the labels
        that there are, in this order, with or without samples, or names for the columns of one-hot labels; None takes
        those that are found, sorted. With `task="regression"` labels are numbers, (N,) or (N, targets). `weights` (N,)
        are those of rows, or a pair of those of both parts.
        `feature_names` (D,), `settings` and `notes` are kept as they are.
        The rows are copied, unless nobody can write to them (`x.flags.writeable`, a mapped file). Raises DataError
        where rows and labels do not fit, numbers are not finite, or a label is missing or none of `classes`, and
        SettingError for a keyword that there is not.

        >>> data = Dataset.from_arrays([[0.5, "x"], [1.5, "y"]] * 2, ["b", "a"] * 2, test_fraction=0)
        >>> data.classes, data.train.t, data.preparation.feature_names
        (('a', 'b'), array([1, 0, 1, 0]), ('feature 1', 'feature 2=x', 'feature 2=y'))
        """
        wanted = _read_settings(preparation)
        known = None if classes is None else to_classes(classes)
        parts = _arrange(train, test, wanted.task)
        own = list_names(parts["train"][0])
        given = feature_names if len(feature_names) else own
        check_feature_names(given, len(given))
        columns = columns or tuple(map(Column, given))
        parts = {name: (find_features(rows, own), labels) for name, (rows, labels) in parts.items()}
        samples = to_samples(parts, known, columns, wanted, weights)
        first, second = samples if len(samples) > 1 else split_samples(samples[0], wanted)
        if not len(first):
            raise DataError("no training rows")
        if first.weights is not None:
            to_weights(first.weights, "training", len(first))  # after the split
        first, second, found, scale = encode_targets(first, second, known, wanted)
        if not scale:
            check_classes(found)
        changes, resolved = prepare(first, wanted)
        names = tuple(column.name for column in first.columns)
        names = names if any(names) else ()
        check_feature_names(names, len(first.columns))
        kept = {**resolved, **(settings or {})}
        weights = weigh_classes(wanted.class_weight, first.t, found, first.weights)
        first, second = attrs.evolve(first, weights=weights, **changes), attrs.evolve(second, **changes)
        if second.preparation:
            unseen = second.preparation.describe_unseen(map(second.unscaled, second.blocks()), second.columns)
            notes = (*notes, *unseen)
        return cls(first, second, found, kept, names, tuple(notes), target_scale=scale)

    def check(self) -> None:
        """Raise DataError where networks cannot rely on it: rows of finite numbers, a class index for each.

        It is called for what a data source returns, and where training begins. Numbers are read block by block, and
        only where nothing else says that they are finite.
        """
        if self.target_scale is None:
            check_classes(self.classes)
        columns = None
        for key, part in self.parts.items():
            columns = check_samples(part, describe_part(key), columns, len(self.classes))
        if not len(self.train):
            raise DataError("no training rows")
        check_feature_names(self.feature_names, self.train.table.shape[1])
        if len({id(part.preparation) for part in self.parts.values()}) > 1:
            raise DataError("its parts are prepared in different ways")
        notes: object = self.notes
        if not isinstance(notes, (tuple, list)) or not all(isinstance(note, str) for note in notes):
            raise DataError(f"notes must be a tuple of texts, not {notes!r:.80}")
        scales = {part.scale for part in self.parts.values()}
        if len(scales) > 1 or scales - {1.0, self.scale}:
            raise DataError(f"features are divided by {scales}, and settings['scale'] is {self.scale}")


def _read_settings(given: Mapping[str, Any]) -> PreparationSettings:
    """Return the settings of preparation; raises SettingError for one that there is not, and DataError for a value."""
    own = [key for key in inspect.signature(Dataset.from_arrays).parameters if key != "preparation"]
    names = [field.name for field in attrs.fields(PreparationSettings)]
    if mistakes := [describe_unknown("unknown setting", key, [*own, *names]) for key in given if key not in names]:
        raise SettingError(mistakes, "from_arrays")
    try:
        plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
        return PreparationSettings(**plain)
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from None


def _arrange(train: Any, test: Any, task: Task | None) -> dict[str, Any]:
    """Return the pairs (rows, labels) of the parts; raises DataError where arguments are none, or could be both."""
    are_parts = is_pair(train) and (test is None or is_pair(test))
    are_rows = test is not None and is_labels_of(train, test, task)
    if are_parts and are_rows:
        what = "two rows and their labels, or a training and a test part? Give from_arrays((rows, labels))"
        raise DataError(f"{what}, or rows and labels as arrays")
    if are_rows:
        return {"train": (train, test)}
    for name, given in (("train", train), ("test", test)):
        if not is_pair(given) and (given is not None or name == "train"):
            what = f"{name!r} must be a pair (rows, labels), not a {type(given).__name__}"
            remedy = "as many labels as rows, (N,) or one-hot; or task='regression' and targets (N, targets)"
            raise DataError(f"{what}; or give from_arrays(rows, labels), {remedy}")
    return {"train": train} if test is None else {"train": train, "test": test}


def check_feature_names(names: Sequence[str], features: int) -> None:
    """Raise DataError where the names of features are not as many different texts, or none at all."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise DataError(f"the names of features must be texts: {names!r:.200}")
    if len(names) not in {0, features}:
        raise DataError(f"{len(names)} names of {features} features")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"two features have the name {twice[0]!r}")
