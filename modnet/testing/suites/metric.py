"""Checks of metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, instance_of

import modnet
from modnet.interfaces import Metric
from modnet.nn.run import TrainingSettings
from modnet.nn.training import train_network
from modnet.randomness import Stream
from modnet.testing.checks import Inputs, SkippedError, Suite
from modnet.testing.report import Report
from modnet.testing.suites.shared import DTYPES, add_for_arrays, add_shared
from modnet.types import Array

OF_VALUES = "it is for regression: there are no classes"
ROWS = 24


@attrs.frozen
class Subject:
    """A metric, and for how many classes, or targets of a regression, it is called."""

    part: Metric
    classes: int = attrs.field(default=10, validator=[instance_of(int), ge(2)])
    targets: int = attrs.field(default=2, validator=[instance_of(int), ge(1)])

    @property
    def is_of_classes(self) -> bool:
        """True where it is for classification."""
        return self.part.task != "regression"

    def right(self, rows: int = ROWS) -> tuple[Array, Array]:
        """Return perfect outputs, and their targets: of classes all there are, if the rows are enough."""
        if self.is_of_classes:
            numbers = np.arange(rows)
            classes = np.where(numbers < self.classes, numbers, numbers**2 % 7) % self.classes
            return np.eye(self.classes)[classes], classes
        t = Stream(0, ("targets",)).generator().standard_normal((ROWS, self.targets))[:rows]
        return t.copy(), t

    def outputs(self, rows: int = ROWS, dtype: str = "float64") -> Inputs:
        """Return outputs, probabilities of classes, some of them right, and their targets."""
        y, t = self.right(rows)
        noise = np.asarray(Stream(1, ("outputs",)).generator().random((ROWS, y.shape[1])))[:rows]
        if self.is_of_classes:
            y = (y + 2 * noise) / (y + 2 * noise).sum(axis=1, keepdims=True)
            return {"y": y.astype(dtype), "t": t}
        return {"y": (y + noise - 0.3).astype(dtype), "t": t.astype(dtype)}


SUITE = Suite("metric", Subject)


def check_metric(part: object, *, classes: int = 10, targets: int = 2, raises: bool = True) -> Report:
    """Check a metric: an instance, or a name.

    `classes` is the number of classes, `targets` that of the targets of a regression, that it is called with. Returns a
    report; raises ConformanceError, an AssertionError with all of its text, where the part does not pass, unless
    `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, classes=classes, targets=targets, raises=raises)


def draw_weights(rows: int) -> Array:
    """Return weights that are whole numbers, some of them 0."""
    return np.asarray(np.arange(rows) ** 2 % 4, np.float64)


def shared_cases(subject: Subject) -> list[Inputs]:
    """Return the inputs of the shared probes."""
    some, other = ({**subject.outputs(rows), "weights": draw_weights(rows)} for rows in (ROWS, ROWS - 2))
    return [{"use": use_metric, "inputs": some, "other": other}]


def use_metric(part: Any, y: Any, t: Any, weights: Any) -> Any:
    """Call a metric, with weights and without."""
    return [part(y, t), part(y, t, weights)]


def of_classes(subject: Subject) -> Subject:
    """Return a metric of classes; raises SkippedError for any other."""
    if not subject.is_of_classes:
        raise SkippedError(OF_VALUES)
    return subject


@SUITE.check(lambda _: [{}])
def declared(part: Any) -> None:
    """It says its task, and its column is lower-case words joined by underscores, other than `loss`."""
    assert part.task in {"classification", "regression"}, f"its task is {part.task!r}"
    assert re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", part.column), f"its column is {part.column!r}"
    assert part.column != "loss", "the history has losses already"


@SUITE.check(
    lambda subject: [
        {**subject.outputs(dtype=dtype), "weights": weights} for dtype in DTYPES for weights in (None, np.ones(ROWS))
    ]
)
def number(part: Any, y: Any, t: Any, weights: Any) -> None:
    """It returns a finite number, with weights and without, of outputs in float64 and float32."""
    found = part(y, t, weights)
    assert isinstance(found, (int, float, np.integer, np.floating)), f"it returns {found!r}"
    assert np.isfinite(found), f"it returns {found!r}"


@SUITE.check(lambda subject: [{"double": subject.outputs(), "single": subject.outputs(dtype="float32")}])
def precision(part: Any, double: Any, single: Any) -> None:
    """Outputs in float32 give the number of those in float64, but for rounding."""
    np.testing.assert_allclose(part(**single), part(**double), rtol=1e-4, atol=1e-4)


@SUITE.check(lambda subject: [subject.outputs(1)])
def one_sample(part: Any, y: Any, t: Any) -> None:
    """It returns a number, or NaN, for a single sample."""
    assert isinstance(part(y, t), (int, float, np.integer, np.floating)), f"it returns {part(y, t)!r}"


def alike_cases(subject: Subject) -> Iterator[Inputs]:
    """Yield samples that are all of one class, or of one value, and such outputs."""
    y, t = subject.right()
    some = subject.outputs()["y"]
    for row in (0, 1):
        yield {"y": some, "t": np.repeat(t[row : row + 1], len(t), axis=0)}
        yield {"y": np.repeat(y[row : row + 1], len(t), axis=0), "t": t}
        yield {"y": np.repeat(y[row : row + 1], len(t), axis=0), "t": np.repeat(t[row : row + 1], len(t), axis=0)}


@SUITE.check(alike_cases)
def all_alike(part: Any, y: Any, t: Any) -> None:
    """It returns a number, or NaN, where all samples, or all outputs, are of one class or of one value."""
    assert isinstance(part(y, t), (int, float, np.integer, np.floating)), f"it returns {part(y, t)!r}"


def odd_outputs(subject: Subject) -> Iterator[Inputs]:
    """Yield outputs that are no probabilities, large, infinite or no numbers."""
    y, t = subject.right()
    noise = np.asarray(Stream(2, ("outputs",)).generator().standard_normal(y.shape))
    for odd in (3 * noise, 1e200 * noise, 0 * y, np.where(noise > 1, np.inf, noise), np.full_like(y, np.nan)):
        yield {"y": odd, "t": t}


@SUITE.check(odd_outputs)
def any_outputs(part: Any, y: Any, t: Any) -> None:
    """It returns a number, or NaN, or raises a DataError, for outputs that are no probabilities, large or NaN."""
    try:
        found = part(y, t)
    except modnet.DataError:
        return
    assert isinstance(found, (int, float, np.integer, np.floating)), f"it returns {found!r}"


@SUITE.check(lambda subject: [{**subject.outputs(), "weights": weights} for weights in (None, draw_weights(ROWS))])
def order(part: Any, y: Any, t: Any, weights: Any) -> None:
    """The order of the samples does not matter."""
    turned = None if weights is None else weights[::-1]
    np.testing.assert_allclose(part(y[::-1], t[::-1], turned), part(y, t, weights), rtol=1e-9, atol=1e-9)


@SUITE.check(lambda subject: [{**subject.outputs(), "weights": w} for w in (np.ones(ROWS), draw_weights(ROWS))])
def repeated(part: Any, y: Any, t: Any, weights: Any) -> None:
    """A weight counts as the same sample that often: 1 as none is given, 2 as twice, 0 as if it were not there."""
    again = np.repeat(np.arange(len(t)), weights.astype(np.int64))
    np.testing.assert_allclose(part(y, t, weights), part(y[again], t[again]), rtol=1e-9, atol=1e-9)


@SUITE.check(lambda subject: [subject.outputs()])
def layout(part: Any, y: Any, t: Any) -> None:
    """The memory layout does not matter: every other row, column by column."""
    for view in (y[::2], np.asfortranarray(y)[::2]):
        found = part(view, t[::2])
        np.testing.assert_allclose(found, part(np.ascontiguousarray(view), t[::2].copy()), rtol=1e-9, atol=1e-9)


@SUITE.check(
    lambda subject: [{**of_classes(subject).outputs(), "dtype": dtype} for dtype in ("int32", "uint8")], OF_VALUES
)
def indices(part: Any, y: Any, t: Any, dtype: str) -> None:
    """Class indices may be of any integer type."""
    np.testing.assert_allclose(part(y, t.astype(dtype)), part(y, t), rtol=1e-9, atol=1e-9)


def wrong_outputs(subject: Subject) -> Iterator[Inputs]:
    """Yield right outputs, and worse ones: some are wrong, or all."""
    y, t = subject.right()
    for sign in (1, -1):
        all_wrong = np.roll(y, sign, axis=1) if subject.is_of_classes else y[::-1] + 10 * sign
        half = np.where(np.arange(len(t))[:, np.newaxis] % 2, y, all_wrong)
        yield {"right": y, "worse": all_wrong, "t": t, "differs": True}
        yield {"right": y, "worse": half, "t": t, "differs": False}
    yield {"right": y, "worse": subject.outputs()["y"], "t": t, "differs": False}


@SUITE.check(wrong_outputs)
def best(part: Any, right: Any, worse: Any, t: Any, differs: bool) -> None:
    """Right outputs have the best number, the largest or, as `larger_is_better` says, the smallest."""
    best, other = part(right, t), part(worse, t)
    sign = 1 if part.larger_is_better else -1
    assert sign * (best - other) >= -1e-9, f"right outputs have {best:.6g}, worse ones {other:.6g}"
    assert best != other or not differs, f"right outputs have {best:.6g}, and so have those that are all wrong"


@SUITE.check(lambda subject: [{"classes": subject.classes if subject.is_of_classes else 0, "targets": subject.targets}])
def run(part: Any, classes: int, targets: int) -> None:
    """It is measured in a run, on each part of the data."""
    x = np.sin(np.arange(120.0)).reshape(60, 2)
    t = np.arange(60) % classes if classes else np.cos(np.arange(60.0 * targets)).reshape(60, targets)
    data = modnet.Dataset.from_arrays((x, t), task="classification" if classes else "regression", test_fraction=0.1)
    parts = (
        modnet.gradient("backpropagation"),
        modnet.optimizer("sgd", lr=0.1),
        TrainingSettings(batch_size=10, iterations=4),
    )
    history = train_network(modnet.Network.for_data(data), data, *parts, metrics=[part]).history
    for name in ("train", "test"):
        values = history.columns[f"{name}_{part.column}"]
        assert len(values) == len(history.evaluated_at) > 0, f"{name} has {len(values)} values"


add_for_arrays(SUITE, shared_cases)
add_shared(SUITE, shared_cases)
