"""Data sets: training and test samples, and the classes of their labels."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Never

import attrs
import numpy as np

from modnet.data.arrays import choose_scale, encode_labels, split_samples, to_samples
from modnet.data.labels import check_labels, to_classes
from modnet.data.samples import Samples, check_samples, describe_part
from modnet.errors import DataError, SettingError, describe_unknown
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

    def __repr__(self) -> str:
        samples = " and ".join(f"{len(part)} {describe_part(name)}" for name, part in self.parts.items())
        return f"<Dataset: {samples} samples of {self.features} features in {len(self.classes)} classes>"

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
        return targets

    @property
    def scale(self) -> float:
        """The number that the features were divided by."""
        return float(self.settings.get("scale", 1.0))

    @classmethod
    def from_arrays(
        cls,
        train: tuple[Any, Any],
        test: tuple[Any, Any] | None = None,
        *,
        scale: float | Literal["auto"] = "auto",
        test_fraction: float = 0.2,
        split_seed: int = 0,
        stratified: bool = False,
        classes: Sequence[Any] | None = None,
        feature_names: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        **unknown: Never,
    ) -> Dataset:
        """Return a data set from rows (N, ...) and their labels (N,) or one-hot labels (N, classes).

        Features are flattened to (N, D), divided by `scale` and made float64; `"auto"` divides by 255 what is
        evidently pixels: 16 or more columns of whole numbers from 0 to 255, at least one above 127. Without
        `test`, a `test_fraction` of the rows, drawn at random by `split_seed`, becomes the test samples: of all rows
        alike, or `stratified`, so that each class has its share in both parts. `classes` are the labels that there are,
        in this order, with or without samples, or names for the columns of one-hot labels; None takes those that are
        found, sorted.
        `feature_names` (D,), `settings` and `notes` are kept as they are.
        The rows are copied, unless nobody can write to them (`x.flags.writeable`, a mapped file). Raises DataError
        where rows and labels do not fit, numbers are not finite, or a label is missing or none of `classes`, and
        SettingError for a keyword that there is not.

        >>> data = Dataset.from_arrays(([[0.5], [1.5], [2.5]], ["b", "a", "b"]), test_fraction=0.4)
        >>> data.classes, data.train.t, data.test.t
        (('a', 'b'), array([0, 1]), array([1]))
        """
        if unknown:
            keywords = [key for key in inspect.signature(cls.from_arrays).parameters if key != "unknown"]
            mistakes = [describe_unknown("unknown setting", key, keywords) for key in unknown]
            raise SettingError(mistakes, "from_arrays")
        known = None if classes is None else to_classes(classes)
        first = to_samples(train, "train", known)
        if test is None:
            first, second = split_samples(first, test_fraction, split_seed, stratified)
        else:
            second = to_samples(test, "test", known)
        if first.features != second.features:
            raise DataError(f"training rows have {first.features} features, test rows {second.features}")
        if not len(first):
            raise DataError("no training rows")
        divisor = choose_scale(first, scale)
        found, t = (known, np.concatenate([first.t, second.t])) if known else encode_labels(first.t, second.t)
        first = attrs.evolve(first, t=t[: len(first)], scale=divisor)
        second = attrs.evolve(second, t=t[len(first) :], scale=divisor)
        _check_feature_names(feature_names, first.features)
        kept = {"scale": divisor, **(settings or {})}
        return cls(first, second, found, kept, tuple(feature_names), tuple(notes))

    def check(self) -> None:
        """Raise DataError where networks cannot rely on it: rows of finite numbers, a class index for each.

        It is called for what a data source returns, and where training begins. Numbers are read block by block, and
        only where nothing else says that they are finite.
        """
        check_labels(self.classes)
        features = None
        for key, part in self.parts.items():
            features = check_samples(part, describe_part(key), features, len(self.classes))
        if not len(self.train):
            raise DataError("no training rows")
        _check_feature_names(self.feature_names, self.features)
        notes: object = self.notes
        if not isinstance(notes, (tuple, list)) or not all(isinstance(note, str) for note in notes):
            raise DataError(f"notes must be a tuple of texts, not {notes!r:.80}")
        scales = {part.scale for part in self.parts.values()}
        if len(scales) > 1 or scales - {1.0, self.scale}:
            raise DataError(f"features are divided by {scales}, and settings['scale'] is {self.scale}")


def _check_feature_names(names: Sequence[str], features: int) -> None:
    """Raise DataError where the names of features are not as many different texts, or none at all."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise DataError(f"the names of features must be texts: {names!r:.200}")
    if len(names) not in {0, features}:
        raise DataError(f"{len(names)} names of {features} features")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"two features have the name {twice[0]!r}")
