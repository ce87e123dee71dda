"""Labels as class indices or one-hot rows, targets and weights of samples."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Self, cast

import attrs
import numpy as np
from array_api_compat import array_namespace, device

from modnet.errors import DataError
from modnet.text import JOINERS, list_some, quote
from modnet.types import Array

LABELS_END = 2**53  # below it, float64 tells whole numbers apart
HEAVIEST = 1e30  # weight, which float32 can add up
WIDEST = 1e150  # deviation of targets: the squares of errors are numbers
SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variants of the character before
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters and marks that are drawn as nothing
INVISIBLE = "an invisible character"
UNSEEN = {"Cc": "a control character", "Cf": INVISIBLE, "Zl": INVISIBLE, "Zp": INVISIBLE, "Cs": "half a character"}


def one_hot(t: Array, like: Array, axis: int = -1) -> Array:
    """Return targets in the dense form: the shape of `like`, its dtype, classes along `axis`.

    Targets that are dense already keep their values.

    >>> one_hot(np.array([2, 0]), np.zeros((2, 3)))
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    if t.ndim == like.ndim:
        return cast("Array", array_namespace(t).astype(t, like.dtype, copy=False))
    is_numpy = isinstance(like, np.ndarray)  # `Array` stands for the arrays of other libraries, too
    if is_numpy and like.ndim == 2 and axis == -1:  # rows, as in training: four times faster
        rows = np.zeros(like.shape, like.dtype)
        rows[np.arange(len(t)), t] = 1
        return rows
    xp = array_namespace(like)
    shape = [1] * like.ndim
    shape[axis] = -1
    classes = xp.reshape(xp.arange(like.shape[axis], dtype=t.dtype, device=device(t)), tuple(shape))
    return cast("Array", xp.astype(xp.expand_dims(t, axis=axis) == classes, like.dtype))


def to_label_array(labels: Any, part: str) -> Array:
    """Return labels of any kind as an array; raises DataError where one is missing, or text stands beside numbers.

    NumPy alone would make text of them: `["a", float("nan"), 1]` becomes `["a", "nan", "1"]`.
    """
    if np.ma.is_masked(labels):
        row = np.argwhere(np.ma.getmaskarray(labels))[0, 0]
        raise DataError(f"{part} row {row + 1}: the label is missing (masked)")
    if not isinstance(labels, (list, tuple)):
        labels = np.asarray(labels)
        if labels.dtype.kind != "O" or not labels.ndim:
            return cast("Array", labels)
        labels = labels.tolist()
    are_text = any(isinstance(item, str) for item in labels)
    truths = [row for row, item in enumerate(labels, start=1) if isinstance(item, (bool, np.bool_))]
    for row, item in enumerate(labels, start=1):
        if is_missing(item):
            raise DataError(f"{part} row {row}: the label is missing ({item})")
        if are_text and not isinstance(item, str):
            raise DataError(f"{part} row {row}: the label is {item!r}, others are text: make all of them text")
    if truths and len(truths) < len(labels):
        found = labels[truths[0] - 1]
        raise DataError(f"{part} row {truths[0]}: the label is {found}, others are numbers: make all of them numbers")
    try:
        return np.asarray(labels)
    except ValueError:
        raise DataError(f"{part} labels are of different lengths") from None


def to_labels(labels: Array, part: str) -> Array:
    """Return labels as (N,) integers or text; raises DataError where they are no classes."""
    if labels.dtype.kind in "mM" and (lacking := np.isnat(labels)).any():
        raise DataError(f"{part} row {np.argwhere(lacking)[0, 0] + 1}: the label is missing (NaT)")
    if labels.dtype.kind not in "buifU":
        raise DataError(f"{part} labels must be classes (whole numbers or text), found {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.dtype.kind == "U" or not is_one_hot(labels):
            raise DataError(f"{part} labels of shape {labels.shape} are not one-hot rows: one 1 each, otherwise 0")
        return cast("Array", labels.argmax(axis=1))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "f":
        numbers = to_float64(labels)
        wrong = ~((numbers == np.trunc(numbers)) & (np.abs(numbers) < LABELS_END))
        if wrong.any():
            row = np.argwhere(wrong)[0, 0]
            if np.isnan(numbers[row]).any():
                raise DataError(f"{part} row {row + 1}: the label is missing (nan)")
            found = f"{numbers[wrong].flat[0]}, {labels.dtype} (row {row + 1})"
            advice = [{"task": "regression"}] * bool(np.isfinite(numbers).all())
            raise DataError(f"{part} labels must be classes (whole numbers or text), found {found}", advice=advice)
        return labels.astype(np.int64)
    if labels.dtype == np.uint64 and labels.max(initial=0) > np.iinfo(np.int64).max:
        raise DataError(f"{part} labels must be classes, found {labels.max()}")
    return labels.astype(np.int64) if labels.dtype.kind in "iu" else labels


def to_indices(labels: Array, classes: Sequence[Any], part: str) -> Array:
    """Return the place (N,) of each label among `classes`, or of each one-hot row's 1; raises DataError."""
    found = to_labels(labels, part)
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.shape[1] != len(classes):
            raise DataError(f"{part} labels are one-hot rows of {labels.shape[1]}, 'classes' has {len(classes)}")
        return found.astype(np.int64)
    is_text, listed = found.dtype.kind == "U", list_some(map(repr, classes), 10)
    if found.ndim != 1 or (found.size and is_text != isinstance(classes[0], str)):
        raise DataError(f"{part} labels are {'text' if is_text else 'numbers'}, 'classes' has {listed}")
    places = {label: place for place, label in enumerate(classes)}
    distinct, at = np.unique(found, return_inverse=True)
    if unknown := [label for label in distinct.tolist() if label not in places]:
        row = int(np.argmax(found == unknown[0]))
        raise DataError(f"{part} row {row + 1}: the label {unknown[0]!r} is none of 'classes': {listed}")
    return np.array([places[label] for label in distinct.tolist()], np.int64)[at]


def to_classes(classes: Any) -> tuple[Any, ...]:
    """Return classes that were given as plain values; raises DataError where they are not all text, or all numbers."""
    if isinstance(classes, (Mapping, AbstractSet)) or not isinstance(classes, Iterable):
        raise DataError(f"'classes' must be a list of labels, in their order, not a {type(classes).__name__}")
    found = tuple(classes.tolist() if isinstance(classes, np.ndarray) else classes)
    plain = all(isinstance(item, str) for item in found) or all(isinstance(item, (int, np.integer)) for item in found)
    if isinstance(classes, str) or not found or not plain or len({*found}) < len(found):
        raise DataError(f"'classes' must be a list of different texts, or of different whole numbers: {classes!r:.200}")
    return tuple(np.array(found).tolist())


def find_unclear_labels(labels: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    r"""Return a problem and the one or two labels that have it, or None where people can see and tell apart all labels.

    A label is not blank. It may hold line ends, and no other control character; nothing invisible; and two labels that
    are different text may not look alike, as composed and decomposed letters do.

    >>> find_unclear_labels(["cat", "dog\ufeff"])
    ("the label 'dog\\ufeff' has an invisible character (U+FEFF): take it out", ('dog\ufeff',))
    """
    seen: dict[str, str] = {}
    for label in labels:
        if not label.strip():
            return f"the label {quote(label, ascii)} is empty: nobody sees it, give it a name", (label,)
        is_plain = label.isascii() and label.isprintable()
        if not is_plain and (problem := _find_unseen(label)):
            return f"the label {quote(label)} has {problem}: take it out", (label,)
        if (other := seen.setdefault(label.strip() if is_plain else _to_look(label), label)) != label:
            both = f"{quote(other, ascii)} and {quote(label, ascii)}"
            return f"the labels {both} look alike: write them in one way, such as Unicode's form NFC", (other, label)
    return None


def check_classes(classes: Sequence[Any]) -> None:
    """Raise DataError where the labels of classes are none, are there twice, or look alike."""
    if not isinstance(classes, (tuple, list)) or not classes:
        raise DataError(f"classes must be a tuple of labels, not {classes!r}")
    odd = [name for name in classes if not isinstance(name, (str, int, float))]
    if odd:
        raise DataError(f"classes must be text or numbers, not {odd[0]!r}")
    if len({str(name) for name in classes}) != len(classes):
        raise DataError(f"classes are there twice: {classes}")
    if found := find_unclear_labels(name for name in classes if isinstance(name, str)):
        raise DataError(found[0])


def _find_unseen(label: str) -> str | None:
    """Return what a label has that nobody sees, or None."""
    for before, letter in zip(f"a{label}", label, strict=False):
        what = INVISIBLE if letter in BLANK else UNSEEN.get(unicodedata.category(letter))
        is_harmless = letter in "\n\r" or (letter in JOINERS and not before.isascii())
        if what and not is_harmless:
            return f"{what} (U+{ord(letter):04X})"
    return None


def _to_look(label: str) -> str:
    """Return text that is the same for labels that look alike."""
    text = re.sub(f"[{JOINERS}{SELECTORS}]", "", re.sub(r"\r\n?", "\n", label))
    return unicodedata.normalize("NFC", re.sub(r"[^\S\n]", " ", text.strip()))


@attrs.frozen
class TargetScale:
    """The mean and the deviation of each target in the training rows: targets are learned standardized."""

    mean: tuple[float, ...] = attrs.field(converter=tuple)
    deviation: tuple[float, ...] = attrs.field(converter=tuple)
    """1 for a target that does not vary."""

    @classmethod
    def fit(cls, targets: Array, weights: Array | None = None) -> Self:
        """Return the scale of targets (N, targets) that are weighted by `weights` (N,); raises DataError."""
        seen = targets if weights is None else targets[weights > 0]
        with np.errstate(over="ignore"):
            mean = np.average(targets, axis=0, weights=weights)
            deviation = np.sqrt(np.average((targets - mean) ** 2, axis=0, weights=weights))
        varies = (seen != seen[0]).any(axis=0)
        if (varies & ~((deviation > 1 / WIDEST) & (deviation < WIDEST))).any():
            raise DataError(
                f"targets deviate by less than {1 / WIDEST:g} or more than {WIDEST:g}: give them in another unit"
            )
        return cls(np.where(varies, mean, seen[0]).tolist(), np.where(varies, deviation, 1.0).tolist())

    def standardize(self, targets: Array) -> Array:
        """Return targets (N, targets) with mean 0 and deviation 1."""
        return np.asarray((targets - self.mean) / self.deviation)

    def restore(self, outputs: Array) -> Array:
        """Return standardized targets or outputs (N, targets) in the unit that the source has them in."""
        return np.asarray(outputs * np.array(self.deviation) + self.mean)


def to_targets(labels: Any, part: str) -> Array:
    """Return the labels of a regression, (N,) or (N, targets), as (N, targets) float64; raises DataError."""
    found = to_label_array(labels, part)
    if found.dtype.kind not in "buif" or found.ndim not in {1, 2} or not found.shape[-1]:
        what = f"found {found.dtype} of shape {found.shape}"
        raise DataError(f"{part} labels must be numbers for task = 'regression', {what}", advice=[{"task": None}])
    targets = to_float64(found).reshape(len(found), -1)
    if not (right := np.isfinite(targets).all(axis=1)).all():
        row = int(np.argmin(right))
        raise DataError(f"{part} row {row + 1}: the label is missing, or not finite ({targets[row].tolist()})")
    return targets


def to_weights(weights: Any, part: str, count: int) -> Array:
    """Return weights of rows as (N,) float64; raises DataError where they are not numbers >= 0, one for each row."""
    try:
        found = np.array(weights, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{part} weights must be numbers, one for each row") from None
    if found.shape != (count,):
        raise DataError(f"{part}: {count} rows need {count} weights, found weights of shape {found.shape}")
    if not (right := (found == 0) | ((found >= 1 / HEAVIEST) & (found <= HEAVIEST))).all():
        row, ends = int(np.argmin(right)), f"0 or from {1 / HEAVIEST:g} to {HEAVIEST:g}"
        raise DataError(f"{part} row {row + 1}: a weight must be a number >= 0 ({ends}), found {found[row]}")
    if count and not found.any():
        raise DataError(f"{part} weights are all 0: one at least must be above 0")
    return found


def weigh_classes(given: Any, t: Array, classes: tuple[Any, ...], weights: Array | None) -> Array | None:
    """Return the weights (K,) of classes, by training rows with class indices `t` (N,) and `weights` (N,).

    `given` is None, "balanced" or a mapping by label, in which others have 1. "balanced" is N / (K n_k) for the n_k of
    N rows in one of K classes that have rows, as in scikit-learn. Raises DataError.
    """
    if given is None:
        return None
    if given == "balanced":
        counts = np.bincount(t, weights, minlength=len(classes)).astype(np.float64)
        there = counts > 0
        of_class: Array = np.divide(counts.sum() / there.sum(), counts, out=np.zeros(len(classes)), where=there)
    else:
        table: Mapping[str, float] = {str(label): weight for label, weight in given.items()}
        known = {str(label): label for label in classes}
        if unknown := [label for label in table if label not in known]:
            what = f"'class_weight' names the class {quote(unknown[0])}, and there is none"
            raise DataError(f"{what}: available: {list_some(map(quote, known), 12)}")
        of_class = np.array([table.get(label, 1.0) for label in known])
    if not (of_class[t] * (1.0 if weights is None else weights)).any():
        raise DataError("'class_weight' gives all training rows the weight 0: one class at least needs more")
    return of_class


def to_float64(numbers: Array) -> Array:
    """Return numbers as float64, in which a long double may be no more than infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers.astype(np.float64, copy=False)


def is_missing(label: object) -> bool:
    """Say whether a label or a cell is None, NaN or NaT, those of pandas among them."""
    if isinstance(label, (float, np.generic)):
        return bool(label != label)
    return label is None or type(label).__name__ in {"NAType", "NaTType"}


def is_one_hot(rows: Array) -> bool:
    """Say whether each row has one 1, and is 0 otherwise."""
    return bool(((rows == 0) | (rows == 1)).all() and ((rows == 1).sum(axis=1) == 1).all())
