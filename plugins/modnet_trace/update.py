"""One update of a network's parameters, with all that is computed on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

import modnet
from modnet import (
    Array,
    DataError,
    GradientEstimator,
    Objective,
    Optimizer,
    PlacedLayer,
    SettingError,
    find_name,
    to_numpy,
)
from modnet_trace.text import to_text, write_numbers

STYLE = "<style>:root{color-scheme:light dark}body{margin:1rem auto;padding:0 1rem;max-width:64rem}</style>"
FAR = 0.01  # of the largest entry: a difference that is no rounding


@attrs.frozen(eq=False)
class TracedArray:
    """An array with its name in the formulas, what it is computed by, and its value."""

    name: str
    formula: str
    value: Array


@attrs.frozen(eq=False)
class TracedGradient:
    """The derivative of the loss by a parameter, as one estimator obtains it, and by another one."""

    name: str
    value: Array
    other: Array | None = None

    @property
    def difference(self) -> float:
        """The largest difference between the two; NaN where there is one alone."""
        return float("nan") if self.other is None else float(np.max(np.abs(self.value - self.other), initial=0.0))


@attrs.frozen(eq=False, repr=False)
class UpdateTrace:
    """One update, step by step: `print` shows it as text, a notebook as tables, and `to_html()` is a page.

    >>> net = modnet.TwoLayerNet(2, 2, 2, seed=1)
    >>> trace = net.trace_update([1.0, 0.5], 0, lr=0.5)
    >>> [step.name for step in trace.forward], trace.forward[1].formula, trace.new_loss < trace.loss
    (['x', 'a1', 'z1', 'a2', 'y'], 'x W1 + b1', True)
    """

    network: str
    forward: tuple[TracedArray, ...]
    """The arrays of the forward pass: the samples `x`, what each layer returns, the outputs `y`."""
    target: Array
    """The targets t: class indices (N,), or dense."""
    loss_formula: str
    losses: Array
    """The loss of each sample, (N,)."""
    loss: float
    """Their mean, which is minimized."""
    params: Mapping[str, Array]
    """The parameters before the update."""
    estimators: tuple[str, ...]
    """The names of the estimator whose gradient is used, and of the one it is compared with."""
    gradient: tuple[TracedGradient, ...]
    optimizer: str
    new_params: Mapping[str, Array]
    new_loss: float
    """The loss of the same batch with the new parameters."""
    notes: tuple[str, ...] = ()

    @property
    def update(self) -> Mapping[str, Array]:
        """The change of each parameter."""
        return {name: self.new_params[name] - value for name, value in self.params.items()}

    @property
    def difference(self) -> float:
        """The largest difference between the two gradients; NaN where there is one alone."""
        return float(np.max([each.difference for each in self.gradient]))

    @staticmethod
    def write_numbers(value: Array) -> list[str]:
        """Return the lines of an array's numbers, or, where there are many, what they range over."""
        return write_numbers(value)

    def __getitem__(self, name: str) -> Array:
        """Return an array of the forward pass by its name: `trace["a1"]`."""
        found = {step.name: step.value for step in self.forward}
        if name not in found:
            raise KeyError(f"{name}: available: {', '.join(found)}")
        return found[name]

    def __str__(self) -> str:
        return to_text(self)

    def __repr__(self) -> str:
        return f"<UpdateTrace of {self.network[1:-1]}: loss {self.loss:.6g} -> {self.new_loss:.6g}>"

    def to_html(self) -> str:
        """Return a whole HTML page, which works from a file."""
        title = modnet.html.escape(f"One update of {self.network}")
        head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>{STYLE}'
        return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{self._repr_html_()}</body></html>\n'

    def _repr_html_(self) -> str:
        return str(modnet.html.display(self))


def trace_update(
    network: Any,
    x: Any,
    t: Any,
    lr: float | None = None,
    gradient: object = "backpropagation",
    against: object = "central-difference",
    optimizer: object = "sgd",
    weights: Any = None,
) -> UpdateTrace:
    """Return one update of a network by the samples `x` with targets `t`, step by step; the network stays as it is.

    `lr` is the learning rate, 0.1 of sgd by default. `gradient` is the estimator whose gradient is used, and `against`
    the one that it is compared with, None for none. Raises as `network.gradient` does, and SettingError where `lr` goes
    beside a ready optimizer.
    """
    rule = _make_optimizer(optimizer, lr)
    estimators = [_make_estimator(each) for each in (gradient, against) if each is not None]
    objective: Objective = network.objective(x, t, weights)
    if not np.isfinite(to_numpy(objective.x)).all():
        raise DataError("x has numbers that are not finite: give finite ones")
    params = dict(network.params)
    found = [network.gradient(x, t, estimator, weights=weights) for estimator in estimators]
    forward = objective.trace(params)
    new, _ = rule.step(params, found[0], rule.init(params))
    grads = [{name: _copy(value) for name, value in each.items()} for each in found]
    names = tuple(map(find_name, estimators))
    traced = tuple(TracedGradient(name, *(each[name] for each in grads)) for name in params)
    return UpdateTrace(
        network=repr(network),
        forward=tuple(_list_arrays(objective.placed, [*forward.values, forward.output])),
        target=_copy(objective.t),
        loss_formula=_describe_loss(objective),
        losses=_copy(forward.losses),
        loss=forward.loss,
        params={name: _copy(value) for name, value in params.items()},
        estimators=names,
        gradient=traced,
        optimizer=_describe_optimizer(rule),
        new_params={name: _copy(value) for name, value in new.items()},
        new_loss=objective(new),
        notes=(*_list_notes(objective, forward.values, params), *_note_difference(names, traced)),
    )


def _make_optimizer(given: Any, lr: float | None) -> Optimizer:
    if isinstance(given, str):
        rate = 0.1 if lr is None and given == "sgd" else lr
        return modnet.optimizer(given) if rate is None else modnet.optimizer(given, lr=rate)
    if lr is not None:
        raise SettingError(["'lr' goes with an optimizer's name: give a ready one its own rate"], "trace_update")
    return modnet.optimizer(given)


def _make_estimator(given: Any) -> GradientEstimator:
    return modnet.gradient(given)


def _copy(value: Any) -> Array:
    return np.array(to_numpy(value))


def _list_arrays(placed: Sequence[PlacedLayer], values: Sequence[Any]) -> Iterator[TracedArray]:
    """Yield the arrays of the forward pass, as the book names them: x, a1, z1, a2, y; others go by their layers."""
    own = [find_name(place.layer.activation or place.layer) for place in placed]
    often = {name for name, count in Counter(own).items() if count > 1}
    seen: Counter[str] = Counter()
    yield TracedArray("x", "", _copy(values[0]))
    before = "x"
    for k, place in enumerate(placed):
        activation, seen[own[k]] = place.layer.activation, seen[own[k]] + 1
        after_dense = k > 0 and placed[k - 1].layer.is_dense
        name = f"{own[k]}{seen[own[k]]}" if own[k] in often else own[k]
        formula = f"{own[k]}({before})"
        if k == len(placed) - 1:
            name = "y"
        elif place.layer.is_dense:
            name, formula = f"a{place.number}", f"{before} W{place.number} + b{place.number}"
        elif activation and after_dense:
            name = f"z{placed[k - 1].number}"
        elif place.params:
            formula = f"{own[k]}({', '.join([before, *(place.name(param.name) for param in place.params)])})"
        yield TracedArray(name, formula, _copy(values[k + 1]))
        before = name


def _describe_loss(objective: Objective) -> str:
    mean = "weighted mean" if objective.weights is not None else "mean" if len(objective.t) > 1 else ""
    formula = f"{find_name(objective.loss_function)}(y, t)"
    return f"{mean} of {formula}" if mean else formula


def _describe_optimizer(rule: Optimizer) -> str:
    kind: Any = type(rule)
    names = [field.name for field in attrs.fields(kind)] if attrs.has(kind) else []
    settings = {name: getattr(rule, name) for name in names}
    shown = (f"{key}={value:g}" for key, value in settings.items() if isinstance(value, (int, float)) and value)
    return f"{find_name(rule)}({', '.join(shown)})"


def _list_notes(objective: Objective, values: Sequence[Any], params: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reader of the forward pass has to know of layers that draw, or take the batch together."""
    for place, x, z in zip(objective.placed[:-1], values[:-1], values[1:], strict=True):
        if place.layer.couples_samples:
            yield f"{place.label} computes with numbers of this batch, such as its means"
        if not place.layer.is_dense and not place.layer.activation:
            own = place.take(params, objective.buffers)
            again = place.layer.forward(own, x, "train", modnet.Stream(1, ("trace", place.index)))[0]
            if not np.array_equal(to_numpy(again), to_numpy(z)):
                yield f"{place.label} draws at random: the same numbers in every evaluation here, others in each step"


def _note_difference(estimators: Sequence[str], gradient: Sequence[TracedGradient]) -> Iterator[str]:
    largest = max(float(np.max(np.abs(each.value), initial=0.0)) for each in gradient)
    if any(each.difference > FAR * largest for each in gradient):
        why = "one draws at random, promises a direction alone, or is wrong"
        yield f"{' and '.join(estimators)} differ: {why}; modnet gradient-check says which"
