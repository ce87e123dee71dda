"""Data sets made of arrays, and made anew where other rows are chosen."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import attrs

from modnet import Column, DataError, Samples, SettingError, Stream, Task, data
from modnet.data import TargetScale, check_classes, check_feature_names, find_features, list_names, to_weights
from modnet.text import describe_unknown
from modnet_datasets.arrays import encode_targets, find_shape, is_labels_of, is_pair, prepare, to_samples
from modnet_datasets.labels import to_classes, weigh_classes
from modnet_datasets.settings import PreparationSettings


@attrs.frozen(eq=False)
class Unprepared:
    """Parts before anything was learned of training rows, the settings to do so, and the outcome."""

    parts: Mapping[str, Samples]
    """Their targets are class indices, or numbers as they were given; their weights are those of rows alone."""
    classes: tuple[Any, ...]
    wanted: PreparationSettings
    prepared: tuple[Samples, ...] = ()
    resolved: Mapping[str, Any] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Dataset(data.Dataset):
    """Training and test samples. Class index i stands for the label `classes[i]`.

    `settings` are the source's settings that were inferred from the data, so that nothing is inferred twice.
    `feature_names` are the columns' names, where the source knows them; `notes` are for the user, such as a number of
    rows that were left out.
    """

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
    ) -> Self:
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

        >>> data = Dataset.from_arrays([[0.5, "x"], [1.5, "y"]] * 2, ["b", "a"] * 2, test_fraction=0)
        >>> data.classes, data.train.t, data.preparation.feature_names
        (('a', 'b'), array([1, 0, 1, 0]), ('feature 1', 'feature 2=x', 'feature 2=y'))
        """
        wanted = _read_settings(preparation)
        known = None if classes is None else to_classes(classes)
        given = _arrange(train, test, validation, wanted.task)
        own = list_names(given["train"][0])
        named = [column.name for column in columns] or (feature_names if len(feature_names) else own)
        check_feature_names(named if any(named) else (), len(named))
        columns = columns or tuple(map(Column, named))
        given = {name: (find_features(rows, own), labels) for name, (rows, labels) in given.items()}
        parts = dict(zip(given, to_samples(given, known, columns, wanted, weights), strict=True))
        shape = wanted.shape or find_shape(given["train"][0])
        if "test" not in parts:
            stream = Stream(wanted.split_seed, ("test split",))
            first, second = parts["train"].split(wanted.test_fraction, stream, stratified=wanted.stratified)
            parts = {"train": first, "test": second, **{key: parts[key] for key in parts if key != "train"}}
        if not len(parts["train"]):
            raise DataError("no training rows")
        parts, found = encode_targets(parts, known, wanted)
        if wanted.task != "regression":
            check_classes(found)
        names = tuple(named) if any(named) else ()
        raw = cls(parts["train"], parts["test"], found, {}, names, tuple(notes), shape=shape)
        data = raw._prepare(Unprepared(parts, found, wanted))
        return attrs.evolve(data, settings={**data.settings, **(settings or {})})

    def with_changed_rows(self, change: Callable[[Samples], dict[str, Samples]]) -> Self:
        """Return the data set with the parts that `change` makes of the training rows, all prepared anew.

        Raises DataError where other code has prepared or changed them.
        """
        known = self.unprepared
        if known and known.prepared == (*self.parts.values(),):  # the same objects
            return self._prepare(attrs.evolve(known, parts={**known.parts, **change(known.parts["train"])}))
        return super().with_changed_rows(change)

    @property
    def is_prepared(self) -> bool:
        """True where something was learned of the training rows: of the columns, the targets or the classes."""
        return super().is_prepared or bool(self.unprepared and self.unprepared.wanted.class_weight)

    def _prepare(self, given: Unprepared) -> Self:
        """Return the data set with parts that are prepared as the training rows among them say; raises DataError."""
        train, wanted, scale = given.parts["train"], given.wanted, None
        if train.weights is not None:
            to_weights(train.weights, "training", len(train))  # some are above 0, after the split too
        changes, resolved = prepare(train, wanted)
        features = attrs.evolve(train, **changes).features
        if wanted.shape and math.prod(wanted.shape) != features:
            raise DataError(f"'shape' {wanted.shape} takes {math.prod(wanted.shape)} features, a sample has {features}")
        of_class = weigh_classes(wanted.class_weight, train.t, given.classes, train.weights)
        if wanted.task == "regression":
            scale = TargetScale.fit(train.t, train.weights)
        parts = {}
        for name, part in given.parts.items():
            own: dict[str, Any] = {"t": scale.standardize(part.t)} if scale else {}
            if of_class is not None and name != "test":  # which has no loss
                own["weights"] = of_class[part.t] * (1.0 if part.weights is None else part.weights)
            parts[name] = attrs.evolve(part, **changes, **own)
        others = [part for name, part in parts.items() if name != "train"]
        blocks = (part.unscaled(block) for part in others for block in part.blocks())
        learned = parts["train"].preparation
        notes = tuple(learned.describe_unseen(blocks, train.columns)) if learned else ()
        if notes and wanted.unseen == "refuse":
            raise DataError(notes[0].partition(": it becomes")[0], advice=[{"unseen": "zeros"}])
        kept = {key: value for key, value in self.settings.items() if key in resolved or key not in given.resolved}
        kept |= {key: value for key, value in resolved.items() if given.resolved.get(key) != value}
        return attrs.evolve(
            self.with_parts(parts),
            settings=kept,
            notes=(*(note for note in self.notes if note not in given.notes), *notes),
            target_scale=scale,
            unprepared=attrs.evolve(
                given,
                wanted=attrs.evolve(wanted, encode=resolved.get("encode", wanted.encode)),  # which was accepted
                prepared=(*parts.values(),),
                resolved=resolved,
                notes=notes,
            ),
        )


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


def _arrange(train: Any, test: Any, validation: Any, task: Task | None) -> dict[str, Any]:
    """Return the pairs (rows, labels) of the parts; raises DataError where arguments are none, or could be both."""
    are_parts = is_pair(train) and (test is None or is_pair(test))
    are_rows = test is not None and is_labels_of(train, test, task)
    if are_parts and are_rows:
        what = "two rows and their labels, or a training and a test part? Give from_arrays((rows, labels))"
        raise DataError(f"{what}, or rows and labels as arrays")
    parts = {"train": (train, test)} if are_rows else {"train": train, "test": test}
    parts = {name: given for name, given in {**parts, "validation": validation}.items() if given is not None}
    for name in ("train", *parts):
        given = parts.get(name)
        if not is_pair(given):
            what = f"{name!r} must be a pair (rows, labels), not a {type(given).__name__}"
            remedy = "as many labels as rows, (N,) or one-hot; or task='regression' and targets (N, targets)"
            raise DataError(f"{what}; or give from_arrays(rows, labels), {remedy}")
    return parts
