"""Adapters that make parts of plain callables."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, cast

import attrs
import numpy as np

from modnet.errors import NoDerivativeError, SettingError
from modnet.host.signatures import explain_mismatch
from modnet.interfaces import Activation, GradientEstimator, Loss, Part, kebab_case
from modnet.randomness import Stream
from modnet.types import Array, Grads, Params


def adapt(kind: str, value: object) -> Activation | Loss | GradientEstimator:
    """Return a callable as a part of that kind; raises SettingError where it cannot be one.

    An activation is called as `value(a, axis=...)` or `value(a)`, a loss as `value(y, t, axis=...)` or
    `value(y, t)`, an estimator as `value(objective, params, stream)`; `backward`, where there is one, is called
    the same way.

    >>> import numpy as np
    >>> adapt("activation", np.tanh)
    tanh
    """
    if kind not in ADAPTERS or not callable(value) or isinstance(value, (type, Part)):
        accepted = "a name, an instance or a callable" if kind in ADAPTERS else "a name or an instance"
        found = f"the class {value.__name__}: call it" if isinstance(value, type) else repr(value)
        raise SettingError([f"expected {accepted}, found {found}"], kind)
    part: Activation | Loss | GradientEstimator = ADAPTERS[kind](value)
    if mistake := explain_mismatch(value, type(part), by_default=False):
        raise SettingError([f"{part!r}{mistake}"], kind)
    return part


@attrs.frozen(repr=False, slots=False)
class _Adapted:
    part: Any

    def __attrs_post_init__(self) -> None:
        """Take over what the callable says of itself."""
        names = [name for name in ("elementwise", "kinks", "promises") if hasattr(self.part, name)]
        vars(self).update({name: getattr(self.part, name) for name in names})

    @cached_property
    def _forward(self) -> Callable[..., Array]:
        return _take_axis(self.part)

    @cached_property
    def _backward(self) -> Callable[..., Array]:
        if backward := getattr(self.part, "backward", None):
            return _take_axis(backward)
        raise NoDerivativeError(f"{self!r} has no backward")

    def __repr__(self) -> str:
        return str(getattr(self.part, "__name__", None) or kebab_case(type(self.part)))


class _AdaptedActivation(_Adapted, Activation):
    def __call__(self, a: Array, axis: int = -1) -> Array:
        return self._forward(a, axis=axis)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:
        return self._backward(a, z, dz, axis=axis)


class _AdaptedLoss(_Adapted, Loss):
    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        return self._forward(y, t, axis=axis)

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        return self._backward(y, t, axis=axis)


class _AdaptedEstimator(_Adapted, GradientEstimator):
    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        return cast("Grads", self.part(objective, params, stream))


ADAPTERS: dict[str, Any] = {"activation": _AdaptedActivation, "loss": _AdaptedLoss, "gradient": _AdaptedEstimator}
"""The kinds that a plain callable can be a part of."""


def _take_axis(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return a function that takes an axis, for one that may be written for the last axis alone."""
    try:
        takes_axis = "axis" in inspect.signature(function).parameters
    except (ValueError, TypeError):  # some built-in functions have no signature
        takes_axis = False
    return function if takes_axis else partial(_call_along, function)


def _call_along(function: Callable[..., Array], *arrays: Array, axis: int) -> Array:
    ndim = arrays[0].ndim
    if axis in {-1, ndim - 1}:
        return function(*arrays)
    # Class indices, and losses, have no such axis.
    values = function(*(np.moveaxis(a, axis, -1) if a.ndim == ndim else a for a in arrays))
    return np.moveaxis(values, -1, axis) if np.ndim(values) == ndim else values
