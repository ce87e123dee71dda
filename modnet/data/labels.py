"""Labels as class indices or one-hot rows, targets and weights of samples."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Self, cast

import attrs
import numpy as np
from array_api_compat import array_namespace, device

from modnet.errors import DataError
from modnet.text import JOINERS, quote
from modnet.types import Array

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


def to_float64(numbers: Array) -> Array:
    """Return numbers as float64, in which a long double may be no more than infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers.astype(np.float64, copy=False)


def is_missing(label: object) -> bool:
    """Say whether a label or a cell is None, NaN or NaT, those of pandas among them."""
    if isinstance(label, (float, np.generic)):
        return bool(label != label)
    return label is None or type(label).__name__ in {"NAType", "NaTType"}
