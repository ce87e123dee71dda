"""The forward gradient."""

from __future__ import annotations

import cmath
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import ge

from modnet import (
    Activation,
    Array,
    GradientError,
    GradientEstimator,
    Grads,
    NoDerivativeError,
    Objective,
    Params,
    Stream,
    default_step,
)
from modnet_gradients.analytic import refuse_complex_warnings
from modnet_gradients.arrays import get_dtype, get_step, is_other
from modnet_gradients.directions import Direction, mean_along, normal
from modnet_gradients.layered import find_tangents, make_links
from modnet_gradients.steps.stencil import check_floats, of_copies

ADVICE = "spsa takes any function"
STEP = 1e-20  # so small that all powers of it vanish beside the first


@attrs.frozen
class ForwardGradient(GradientEstimator):
    """Exact slopes along random normal directions, by differentiating forwards: g = 1/k sum_j (grad L . v_j) v_j.

    The slope of each layer's values is carried along with the values, da = dz_in W + z_in V + v_b and dz = f'(a) da,
    and nothing goes back through the layers. Costs one forward pass of slopes for each of the k `directions`, about as
    much as one evaluation; the loss itself is not evaluated, beyond the one forward pass that training makes anyway.
    Unbiased; for n parameters the squared error is about (n + 1) / k times the squared gradient.

    f'(a) is an elementwise activation's own `backward`; of another activation, or one without, the central difference
    along da is taken. So it is of other layers. Of a plain function the slope is that of one complex step, exact to
    rounding, Im L(w + i h v) / h with h = 1e-20; it must accept complex numbers, and four real evaluations check
    that it is an analytic function of them.
    Baydin, Pearlmutter, Syme, Wood and Torr (2022), "Gradients without backpropagation", definition 1 and algorithm 1.

    >>> net = modnet.TwoLayerNet(3, 4, 2, seed=0)
    >>> grads = net.gradient(np.ones((1, 3)), np.array([1]), ForwardGradient(directions=10_000))
    >>> grads["b2"].round(1)
    array([ 0.5, -0.5])
    """

    directions: int = attrs.field(default=10, validator=ge(1))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return the estimate; raises GradientError where a plain function does not take complex steps."""
        if not isinstance(objective, Objective):
            check_floats(params)
            with refuse_complex_warnings():
                return _of_function(of_copies(objective), params, stream, self.directions)

        is_dense = objective.dense_tail(params)[0] == 0
        links = () if is_dense else make_links(objective, params)

        def slope(direction: Direction) -> float:
            if is_dense:
                return _slope(objective, params, direction)
            slopes = objective.output_error(params) * find_tangents(links, direction)
            return float(array_namespace(slopes).sum(slopes))

        return mean_along(params, stream, normal, self.directions, slope)


def _of_function(objective: Callable[[Params], Any], params: Params, stream: Stream, count: int) -> Grads:
    """Return the estimate for a plain function; raises GradientError where it does not take complex steps."""

    def move(direction: Direction, step: complex) -> Any:
        return objective({name: _move(value, step, direction[name]) for name, value in params.items()})

    def slope(direction: Direction) -> float:
        try:
            loss = complex(move(direction, 1j * STEP))
        except (TypeError, np.exceptions.ComplexWarning) as error:
            what = "forward-gradient needs a function that accepts complex numbers"
            raise GradientError(f"{what}: {ADVICE} ({error})") from None
        if not cmath.isfinite(loss):
            raise GradientError(f"the loss is {loss} where all parameters are moved by a complex step: {ADVICE}")
        return loss.imag / STEP

    first = Direction(params, stream.child(0), normal)
    _check_slope(lambda step: float(move(first, step)), slope(first), params)
    return mean_along(params, stream, normal, count, slope)


def _move(value: Array, step: complex, direction: Array) -> Array:
    if is_other(value) and isinstance(step, complex):
        xp = array_namespace(value)
        to_complex = xp.complex64 if value.dtype == xp.float32 else xp.complex128
        value, direction = xp.astype(value, to_complex), xp.astype(direction, to_complex)
    return value + step * direction


def _check_slope(move: Callable[[float], float], found: float, params: Params) -> None:
    """Compare the slope of a function by a complex step with that by real ones, which get shorter where they differ."""
    dtype = max((get_dtype(value) for value in params.values()), key=default_step)
    eps, longest = float(np.finfo(dtype).eps), default_step(dtype) * 1e-2
    for h in (longest, longest / 10, longest / 100):
        one, other, *far = (move(step) for step in (h, -h, 2 * h, -2 * h))
        near, farther = (one - other) / (2 * h), (far[0] - far[1]) / (4 * h)
        # Real slopes that differ are near a kink, or in waves, and tell little.
        allowed = eps**0.25 * abs(near) + 2 * abs(near - farther) + 8 * eps * max(abs(one), abs(other)) / h
        if not abs(found - near) > allowed:
            return
    what = f"the function accepts complex numbers but is no analytic function of them: its slope is {near:.6g}"
    raise GradientError(f"{what} by real steps and {found:.6g} by a complex one: {ADVICE}")


def _slope(objective: Objective, params: Params, direction: Direction) -> float:
    trace = objective.trace(params)
    da = dz = trace.output
    for k, layer in enumerate(objective.layers):
        da = trace.inputs[k] @ direction[layer.weight] + direction[layer.bias]
        if k:
            da += dz @ params[layer.weight]
        if k + 1 < len(objective.layers):
            dz = _forwards(layer.activation, trace.pre_activations[k], trace.inputs[k + 1], da)
    slopes = objective.output_error(params) * da
    return float(array_namespace(slopes).sum(slopes))


def _forwards(activation: Activation, a: Array, z: Array, da: Array) -> Array:
    """Return the slope of the outputs `z` where that of the pre-activations `a` is `da`."""
    if activation.elementwise:  # then back and forth are the same factors
        try:
            return activation.backward(a, z, da)
        except NoDerivativeError:
            pass
    # A sample's largest entry is moved by the step that suits the dtype, whatever the scale of `da`.
    xp, h = array_namespace(da), get_step(a)
    largest = xp.max(xp.abs(da), axis=-1, keepdims=True)
    move = da / xp.where(largest > 0, largest, xp.ones_like(largest)) * h
    dz: Array = (activation(a + move) - activation(a - move)) * (largest / (2 * h))
    return dz
