"""Activations, losses and metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import wraps
from importlib import import_module
from types import FunctionType
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace

from modnet.errors import NoDerivativeError
from modnet.interfaces.part import Part, name_of
from modnet.types import Array, Task


class Function(Part):
    """The base of parts that may be called with numbers, lists and whole numbers, as people type them."""

    def __init_subclass__(cls, **settings: Any) -> None:
        """Have the methods that people call convert what is no array of floats."""
        super().__init_subclass__(**settings)
        for name in ("__call__", "backward"):
            if isinstance(method := vars(cls).get(name), FunctionType):
                setattr(cls, name, _take_typed(method, cls))


def _take_typed(method: Any, cls: type) -> Any:
    if getattr(method, "takes_typed", False):
        if method.__qualname__ != f"{cls.__qualname__}.{method.__name__}":
            return method
        method = method.__wrapped__  # of the class that attrs makes anew, with slots: `super()` is to find this one
        for name, cell in zip(method.__code__.co_freevars, method.__closure__ or (), strict=True):
            cell.cell_contents = cls if name == "__class__" else cell.cell_contents

    arrays = slice(method.__code__.co_argcount - len(method.__defaults__ or ()) - 1)  # an axis may follow

    @wraps(method)
    def call(self: Any, *given: Any, **settings: Any) -> Any:
        for a in given[arrays] or (None,):
            is_array = type(a) is np.ndarray
            if not is_array or not (a.dtype.kind in "fc" or (a.dtype.kind in "iu" and a.ndim < given[0].ndim)):
                return import_module("modnet_datasets.typed").call(method, self, given, settings)  # not of the core
        return method(self, *given, **settings)

    call.takes_typed = True  # type: ignore[attr-defined]
    return call


class Activation(Function, ABC):
    """A function from pre-activations `a` to outputs `z` of the same shape, along `axis`."""

    elementwise: ClassVar[bool] = False
    """True where each output depends on its own input alone, which lets estimators skip what cannot change."""

    kinks: ClassVar[tuple[float, ...] | None] = None
    """The pre-activations where it has a kink or a jump, and is smooth everywhere else: () is smooth, None promises
    nothing. Differences of what is smooth follow from a few evaluations; without a promise every move is evaluated."""

    computes: ClassVar[str] = ""
    """The standard function this is exactly ("softmax"), where a loss may know a fused form with it."""

    @abstractmethod
    def __call__(self, a: Array, axis: int = -1) -> Array:
        """Return the outputs `z`, with the shape and dtype of `a`."""

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:
        """Return `da`, the loss's derivative by `a`, from `dz`, its derivative by `z = self(a)`.

        Optional: without one, backpropagation takes the central difference of this part.
        """
        raise NoDerivativeError(f"the activation {name_of(self)} has no backward")

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of the outputs, `self(a + da) - z` with `z = self(a)`, where `da` moves the inputs.

        `a` and `z` (of the same shape) broadcast against `da`. Optional: a form in which nothing cancels makes
        differences exact, and float32 as good as float64.
        """
        return self(a + da, axis) - z


def spread_targets(t: Array, y: Array, moved: Array, axis: int = -1) -> Array:
    """Return targets of outputs `y`, class indices or dense, broadcast to the shape that outputs `moved` need.

    >>> spread_targets(np.array([[0, 1]]), np.ones((3, 1, 2)), np.ones((3, 4, 2)), axis=0).shape
    (4, 2)
    """
    shape = list(moved.shape)
    if t.ndim < y.ndim:
        del shape[axis]
    spread: Array = array_namespace(t).broadcast_to(t, tuple(shape))
    return spread


class FusedLoss(ABC):
    """A loss together with the activation before it, evaluated from the pre-activations: faster, or more exact."""

    @abstractmethod
    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        """Return the loss of each sample and the activation's outputs `y`."""

    def losses(self, a: Array, t: Array, axis: int = -1, *, overwrite_a: bool = False) -> Array:
        """Return the loss of each sample alone; with `overwrite_a` the content of `a` may be lost on the way.

        Optional: differences evaluate nothing as often as this, and a form that works in place is twice as fast.
        """
        return self(a, t, axis)[0]

    def change(self, a: Array, y: Array, t: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss where `da` moves the pre-activations.

        `a`, `y` (its outputs) and `t` broadcast against `da`. Optional: a form in which nothing cancels makes
        differences exact, and float32 as good as float64.
        """
        moved = a + da
        return self.losses(moved, spread_targets(t, a, moved, axis), axis, overwrite_a=True) - self.losses(a, t, axis)

    def changes_along(self, a: Array, y: Array, t: Array, directions: Array, steps: Array) -> Array:
        """Return `change`, with axis 0, where each of `directions` (outputs, units) is gone by `steps` (units, M, N).

        `a` and `y` are (outputs, 1, N). Optional: a sum over the outputs may be one product for all units.
        """
        xp, da = array_namespace(directions, steps), directions[:, :, None, None] * steps
        moves = xp.reshape(da, (da.shape[0], -1, da.shape[-1]))
        changes: Array = xp.reshape(self.change(a, y, t, moves, axis=0), da.shape[1:])
        return changes

    @abstractmethod
    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:
        """Return each sample's derivative of its own loss by `a`, of the shape of `a`."""


class Loss(Function, ABC):
    """A function of outputs and targets, one value per sample; its mean over the batch is the objective.

    Targets `t` are either class indices (integers, the shape of `y` without `axis`) or dense (the shape of `y`: one-hot
    rows, probabilities, values); `modnet.one_hot` turns the first into the second.
    """

    task: ClassVar[Task | None] = None
    """The task that it is for: "classification", "regression", or None for both."""

    is_binary: ClassVar[bool] = False
    """True where one output tells two classes apart: 0 is certainly the first, 1 the second."""

    smooth: ClassVar[bool] = False
    """True where it is a smooth function of the outputs, its fused forms too: see `Activation.kinks`."""

    @abstractmethod
    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return the loss of each sample: the shape of `y` without `axis`."""

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return each sample's derivative of its own loss by `y`, of the shape of `y`. Optional."""
        raise NoDerivativeError(f"the loss {name_of(self)} has no backward")

    def change(self, y: Array, t: Array, dy: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss where `dy` moves the outputs.

        `y` and `t` broadcast against `dy`. Optional, as `Activation.change` is.
        """
        moved = y + dy
        return self(moved, spread_targets(t, y, moved, axis), axis) - self(y, t, axis)

    def to_classes(self, t: Array) -> Array:
        """Return NumPy's dense targets (N, outputs) as class indices (N,), where it computes faster with these.

        Optional: by default targets stay as they are.
        """
        return t

    def fused(self, activation: Activation) -> FusedLoss | None:
        """Return the fused form with `activation`, or None where this loss knows none."""
        return None


class Metric(Function, ABC):
    """A number that says how good the outputs for a whole part of the data are."""

    task: ClassVar[Task]
    """The task that it is for: "classification" or "regression"."""

    larger_is_better: ClassVar[bool] = True
    """False where the best value is the smallest, as an error's."""

    title: ClassVar[str] = ""
    """Its name in tables and figures; by default the column in words."""

    @property
    def column(self) -> str:
        """Its column in the history, behind the name of a part: by default the class's name, as in `test_macro_f1`."""
        return name_of(self).replace("-", "_")

    @abstractmethod
    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the number, or NaN where it is not defined; raises DataError where it cannot judge such outputs.

        `y` are outputs (N, classes) and `t` class indices (N,); of a regression both are (N, targets), in the targets'
        unit. N is at least 1. `weights` (N,) are at least 0: 2 counts as the same sample twice.
        """
