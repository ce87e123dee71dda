"""Data sets: training, validation and test samples, and the classes of their labels."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Self, TypeVar

import attrs
import numpy as np

from modnet.data.columns import Column
from modnet.data.labels import TargetScale, check_classes
from modnet.data.preparation import Preparation
from modnet.data.rows import read_new_rows
from modnet.data.samples import Samples, check_samples, describe_part
from modnet.errors import DataError, SettingError
from modnet.randomness import Stream
from modnet.text import format_count, list_some, quote
from modnet.types import Array, Displayed, Shape, Task

AnyDataset = TypeVar("AnyDataset", bound="Dataset")


@attrs.frozen(eq=False, kw_only=True)
class Unprepared(ABC):
    """Parts before anything was learned of training rows, the outcome, and the way to it."""

    parts: Mapping[str, Samples] = attrs.field(kw_only=False)
    """Their targets are class indices, or numbers as they were given; their weights are those of rows alone."""
    classes: tuple[Any, ...] = attrs.field(kw_only=False)
    prepared: tuple[Samples, ...] = ()

    @property
    @abstractmethod
    def weighs_classes(self) -> bool:
        """True where weights of classes are learned of the training rows."""

    @abstractmethod
    def prepare(self, data: AnyDataset, parts: Mapping[str, Samples]) -> AnyDataset:
        """Return the data set with such parts, prepared as the training rows among them say; raises DataError."""


@attrs.frozen(eq=False, repr=False)
class Dataset(Displayed):
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
    _shape: Shape = attrs.field(default=(), kw_only=True)
    unprepared: Unprepared | None = attrs.field(default=None, kw_only=True)
    """The samples before they were prepared, where `from_arrays` prepared them."""

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
        validation: Any = None,
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        **preparation: Any,
    ) -> Dataset:
        """Return a data set from rows (N, ...) and their labels (N,) or one-hot labels (N, classes).

        They are given as `from_arrays(rows, labels)`, or as pairs: `from_arrays((rows, labels), (rows, labels))` has a
        test part. Other keywords are `modnet.PreparationSettings`, which say how rows are split, and columns prepared.
        Features are flattened to (N, D), and `shape` is that of an image, (1, H, W) for rows (N, H, W). Rows may hold
        text: such columns become codes of words, as do `columns` that have words. Columns of a frame are found by name
        in a test part that is a frame, too. `classes` are the labels that there are, in this order, with or without
        samples, or names for the columns of one-hot labels; None takes those that are found, sorted. With
        `task="regression"` labels are numbers, (N,) or (N, targets). `weights` (N,)
        are those of rows, or a list of those of each part.
        `validation` is a pair (rows, labels), too. `feature_names` (D,), `settings` and `notes` are kept as they are.
        The rows are copied, unless nobody can write to them (`x.flags.writeable`, a mapped file). Raises DataError
        where rows and labels do not fit, numbers are not finite, or a label is missing or none of `classes`, and
        SettingError for a keyword that there is not.

        >>> data = modnet.Dataset.from_arrays([[0.5, "x"], [1.5, "y"]] * 2, ["b", "a"] * 2, test_fraction=0)
        >>> data.classes, data.train.t, data.preparation.feature_names
        (('a', 'b'), array([1, 0, 1, 0]), ('feature 1', 'feature 2=x', 'feature 2=y'))
        """
        make: Callable[..., Dataset] = import_module("modnet_datasets.dataset").make_dataset  # not of the core
        return make(
            train,
            test,
            classes=classes,
            columns=columns,
            feature_names=feature_names,
            weights=weights,
            validation=validation,
            settings=settings,
            notes=notes,
            preparation=preparation,
        )

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
        *first, last = (f"{len(samples):,} {describe_part(name)}" for name, samples in self.parts.items())
        return f"{', '.join(first)} and {last}"

    def with_parts(self, parts: Mapping[str, Samples]) -> Self:
        """Return the data set with other samples in its parts."""
        others = {name: samples for name, samples in parts.items() if name not in {"train", "test"}}
        return attrs.evolve(self, train=parts["train"], test=parts["test"], more_parts=others)

    def with_validation(self, fraction: float, *, seed: int = 0, stratified: bool | None = None) -> Self:
        """Return the data set with a share of the training rows as a part for validation, `parts["validation"]`.

        They are drawn by `seed`; by default each class gives its share, and keeps a training row. What was learned of
        the training rows, as mean and deviation, is learned of those that remain. Raises SettingError for a share that
        is not between 0 and 1, and DataError where there is such a part, or the rows are too few.

        >>> data = modnet.load("mnist-small").with_validation(0.1)
        >>> data.format_sizes()
        '4,500 training, 1,000 test and 500 validation'
        """
        given: Any = fraction
        if not isinstance(given, (int, float, np.number)) or not 0 < given < 1:  # True is 1
            raise SettingError([f"the share of validation rows must be > 0 and < 1: {fraction!r}"])
        if stratified and not self.classes:
            raise SettingError(["a regression has no classes: take 'stratified' out"])
        if "validation" in self.parts:
            raise DataError("there is a validation part already: take the share of validation rows out")
        stream, by_class = Stream(seed, ("validation split",)), bool(self.classes) if stratified is None else stratified

        def split(train: Samples) -> dict[str, Samples]:
            left, taken = train.split(fraction, stream, stratified=by_class, one_of_each=bool(self.classes))
            if not len(left) or not len(taken):
                rows = format_count(len(train), "training row")
                what = f"{rows} cannot give a share of {fraction:g} for validation"
                raise DataError(f"{what}: choose another share, or give more rows")
            return {"train": left, "validation": taken}

        found = self.with_changed_rows(split)
        what = "the validation part has no row of a class with few training rows"
        return _note_lacking(found, what, found.train, found.parts["validation"])

    def with_first_rows(self, rows: int) -> Self:
        """Return the data set with the first training rows alone, in their order; other parts keep theirs.

        What was learned of the training rows is learned of these. Classes stay, also those of which no row is left.
        Raises SettingError where there are not as many rows.

        >>> modnet.load("mnist-small").with_first_rows(1000).format_sizes()
        '1,000 training and 1,000 test'
        """
        given: Any = rows
        if not isinstance(given, (int, np.integer)) or given is True or not 1 <= given <= len(self.train):
            what = f"'first_rows' must be a whole number from 1 to the {len(self.train):,} training rows that there are"
            raise SettingError([f"{what}: {rows!r}"])
        found = self.with_changed_rows(lambda train: {"train": train.choose(np.arange(rows))})
        what = f"the first {rows:,} training rows have none of a class"
        return _note_lacking(found, what, self.train, found.train)

    def with_soft_targets(self, train: Any, validation: Any = None) -> Self:
        """Return the data set with rows of probabilities (N, classes) that networks learn in place of the classes.

        Metrics and hits are by the classes, as before; `validation` are those of that part, for its loss. Choose rows
        first, by `with_validation` and `with_first_rows`. Raises DataError where they are not such rows.

        >>> data = modnet.load("mnist-small")
        >>> smooth = 0.9 * np.eye(10)[data.train.t] + 0.01
        >>> data.with_soft_targets(smooth).train.soft[0]
        array([0.01, 0.01, 0.01, 0.01, 0.01, 0.91, 0.01, 0.01, 0.01, 0.01])
        """
        parts = self.parts
        for name, rows in (("train", train), ("validation", validation)):
            if rows is None:
                continue
            if not self.classes or name not in parts:
                raise DataError(f"soft targets need classes, and the {name} part: one of them is not there")
            to_reals: Callable[..., Array] = import_module("modnet_datasets.tensors").to_reals  # not of the core
            soft = to_reals(rows, f"soft targets of the {describe_part(name)} rows must be rows of numbers")
            parts[name] = attrs.evolve(parts[name], soft=soft)
            check_samples(parts[name], describe_part(name), None, len(self.classes))
        return self.with_parts(parts)

    def with_changed_rows(self, change: Callable[[Samples], dict[str, Samples]]) -> Self:
        """Return the data set with the parts that `change` makes of the training rows, all prepared anew.

        Raises DataError where other code has prepared or changed them.
        """
        known = self.unprepared
        if known and known.prepared == (*self.parts.values(),):  # the same objects
            return known.prepare(self, {**known.parts, **change(known.parts["train"])})
        if self.is_prepared:
            what = "samples that were prepared or changed by other code cannot be prepared anew"
            raise DataError(f"{what}: give the raw rows to modnet.Dataset.from_arrays, then choose among them")
        return self.with_parts({**self.parts, **change(self.train)})

    @property
    def is_prepared(self) -> bool:
        """True where something was learned of the training rows: of the columns, the targets or the classes."""
        is_weighed = self.unprepared is not None and self.unprepared.weighs_classes
        return self.preparation is not None or self.target_scale is not None or is_weighed

    @property
    def features(self) -> int:
        """The number of columns of `x`."""
        return self.train.features

    @property
    def shape(self) -> Shape:
        """The shape of one sample for a network of layers: (channels, height, width) of images, else (features,)."""
        return self._shape if self._shape and math.prod(self._shape) == self.features else (self.features,)

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

        >>> data = modnet.Dataset.from_arrays([[1, "x"], [3, "y"], [1, "x"], [3, "y"]], [0, 1, 0, 1], test_fraction=0)
        >>> data.prepare([[3, "x"], [1, "z"]])
        array([[ 1.,  1.,  0.],
               [-1.,  0.,  0.]])
        """
        return read_new_rows(rows, self.columns, self.preparation, self.scale).x

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


def _note_lacking(data: AnyDataset, what: str, whole: Samples, some: Samples) -> AnyDataset:
    """Return a data set with a note on the classes of which there are rows in `whole`, and none in `some`."""
    lacking = np.setdiff1d(whole.t, some.t).tolist() if data.classes else ()
    names = list_some((quote(str(data.classes[i])) for i in lacking), 3)
    return attrs.evolve(data, notes=(*data.notes, f"{what}: {names}")) if names else data


def check_feature_names(names: Sequence[str], features: int) -> None:
    """Raise DataError where the names of features are not as many different texts, or none at all."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise DataError(f"the names of features must be texts: {names!r:.200}")
    if len(names) not in {0, features}:
        raise DataError(f"{len(names)} names of {features} features")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"two features have the name {twice[0]!r}")
