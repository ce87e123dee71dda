"""Data sets made of arrays, and made anew where other rows are chosen."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import attrs

from modnet import Column, DataError, Dataset, Samples, SettingError, Stream, Task, data
from modnet.data import TargetScale, check_classes, check_feature_names, find_features, list_names
from modnet.text import describe_unknown
from modnet_datasets.arrays import encode_targets, find_shape, is_labels_of, is_pair, prepare, to_samples
from modnet_datasets.labels import to_classes, weigh_classes
from modnet_datasets.settings import PreparationSettings
from modnet_datasets.tensors import to_plain, to_weights

AnyDataset = TypeVar("AnyDataset", bound=Dataset)


@attrs.frozen(eq=False, kw_only=True)
class Unprepared(data.Unprepared):
    """Parts before anything was learned of training rows, the settings to do so, and the outcome."""

    wanted: PreparationSettings
    resolved: Mapping[str, Any] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def weighs_classes(self) -> bool:
        """True where weights of classes are learned of the training rows."""
        return bool(self.wanted.class_weight)

    def prepare(self, data: AnyDataset, parts: Mapping[str, Samples]) -> AnyDataset:
        """Return the data set with such parts, prepared as the training rows among them say; raises DataError."""
        train, wanted, scale = parts["train"], self.wanted, None
        if train.weights is not None:
            to_weights(train.weights, "training", len(train))  # some are above 0, after the split too
        changes, resolved = prepare(train, wanted)
        features = attrs.evolve(train, **changes).features
        if wanted.shape and math.prod(wanted.shape) != features:
            raise DataError(f"'shape' {wanted.shape} takes {math.prod(wanted.shape)} features, a sample has {features}")
        of_class = weigh_classes(wanted.class_weight, train.t, self.classes, train.weights)
        if wanted.task == "regression":
            scale = TargetScale.fit(train.t, train.weights)
        found = {}
        for name, part in parts.items():
            own: dict[str, Any] = {"t": scale.standardize(part.t)} if scale else {}
            if of_class is not None and name != "test":  # which has no loss
                own["weights"] = of_class[part.t] * (1.0 if part.weights is None else part.weights)
            found[name] = attrs.evolve(part, **changes, **own)
        others = [part for name, part in found.items() if name != "train"]
        blocks = (part.unscaled(block) for part in others for block in part.blocks())
        learned = found["train"].preparation
        notes = tuple(learned.describe_unseen(blocks, train.columns)) if learned else ()
        if notes and wanted.unseen == "refuse":
            raise DataError(notes[0].partition(": it becomes")[0], advice=[{"unseen": "zeros"}])
        kept = {key: value for key, value in data.settings.items() if key in resolved or key not in self.resolved}
        kept |= {key: value for key, value in resolved.items() if self.resolved.get(key) != value}
        return attrs.evolve(
            data.with_parts(found),
            settings=kept,
            notes=(*(note for note in data.notes if note not in self.notes), *notes),
            target_scale=scale,
            unprepared=attrs.evolve(
                self,
                parts=parts,
                wanted=attrs.evolve(wanted, encode=resolved.get("encode", wanted.encode)),  # which was accepted
                prepared=(*found.values(),),
                resolved=resolved,
                notes=notes,
            ),
        )


def make_dataset(
    train: Any,
    test: Any,
    *,
    classes: Sequence[Any] | None,
    columns: Sequence[Column],
    feature_names: Sequence[str],
    weights: Any,
    validation: Any,
    settings: Mapping[str, Any] | None,
    notes: Sequence[str],
    preparation: Mapping[str, Any],
) -> Dataset:
    """Return a data set from rows and their labels, as `modnet.Dataset.from_arrays` does."""
    wanted = _read_settings(preparation)
    known = None if classes is None else to_classes(classes)
    train, test, validation = (to_plain(given, "rows and labels") for given in (train, test, validation))
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
    raw = Dataset(parts["train"], parts["test"], found, {}, names, tuple(notes), shape=shape)
    data = Unprepared(parts, found, wanted=wanted).prepare(raw, parts)
    return attrs.evolve(data, settings={**data.settings, **(settings or {})})


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
