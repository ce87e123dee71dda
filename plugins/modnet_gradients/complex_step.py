"""Complex steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, gt, optional

from modnet import (
    Array,
    GradientError,
    GradientEstimator,
    Grads,
    Objective,
    Params,
    Stream,
    default_step,
    limit_blas_threads,
)
from modnet_gradients.differences import differences
from modnet_gradients.stencil import Stencil

COMPLEX = Stencil(shifts=(1j,), weights=(-1j,), divisor=1)
_lock, _inside, _filters = Lock(), list[bool](), ExitStack()


@attrs.frozen
class ComplexStep(GradientEstimator):
    """Steps along the imaginary axis: g_i = Im L(w + i h e_i) / h.

    Nothing is subtracted, so that nothing cancels: with h = 1e-20 the result is exact to rounding. Costs one complex
    evaluation per parameter. Every part must be an analytic formula that accepts complex numbers; max and abs of a
    single number are not, and a part in which the step goes wrong is named in an error.
    Squire and Trapp (1998), "Using complex variables to estimate derivatives of real functions".

    >>> f = lambda params: (params["w"] ** 3).sum()
    >>> ComplexStep()(f, {"w": np.array([1.0, 2.0])}, modnet.Stream(0))["w"]
    array([ 3., 12.])
    """

    h: float = attrs.field(default=1e-20, validator=gt(0))
    threads: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient; raises GradientError that names the part which does not accept complex numbers."""
        with _refuse_complex_warnings():
            if isinstance(objective, Objective):
                _check_parts(objective, params, self.h)
            try:
                return differences(objective, params, COMPLEX, self.h, self.threads)
            except (TypeError, np.exceptions.ComplexWarning) as error:
                raise GradientError(f"complex-step needs a loss that accepts complex numbers: {error}") from None

    def evaluations(self, params: Params) -> int:
        """Return 1 for each parameter, a complex one."""
        return COMPLEX.evaluations(params)


@contextmanager
def _refuse_complex_warnings() -> Iterator[None]:
    """Make an error of a number that loses its imaginary part, until the last thread that wants it has ended.

    Filters of warnings belong to the process: threads that each restored what they found would leave some behind.
    """
    with _lock:
        if not _inside:
            _filters.enter_context(warnings.catch_warnings(action="error", category=np.exceptions.ComplexWarning))
        _inside.append(True)
    try:
        yield
    finally:
        with _lock:
            _inside.pop()
            if not _inside:
                _filters.close()


@limit_blas_threads(1)  # the forward pass is the one that the differences take
def _check_parts(objective: Objective, params: Params, h: float) -> None:
    """Compare each part's slope by a complex step with that by a real one; they differ where it is not analytic."""
    trace = objective.trace(params)
    last = objective.layers[-1].activation
    fused = objective.loss_function.fused(last)
    outputs = (*trace.inputs[1:], trace.output)
    for layer, a, z in zip(objective.layers, trace.pre_activations, outputs, strict=True):
        if layer is not objective.layers[-1] or fused is None:
            _check(f"the activation {layer.activation!r} of layer {layer.number}", layer.activation, a, z, h)
    if fused is None:
        _check(f"the loss {objective.loss_function!r}", lambda y: objective.loss_function(y, objective.t),
               trace.output, trace.losses, h)  # fmt: skip
    else:
        _check(f"the loss {objective.loss_function!r} with {last!r}", lambda a: fused.losses(a, objective.t),
               trace.pre_activations[-1], trace.losses, h)  # fmt: skip


def _check(name: str, part: Callable[[Array], Any], a: Array, value: Array, h: float) -> None:
    # Each number moves by another multiple: a part that mixes them up does not hide it. Small enough to stay in the
    # domain of a logarithm at outputs near 0, and scaled with each number.
    real = default_step(a.dtype) * 1e-2
    direction = (1 + np.arange(a.size, dtype=a.dtype).reshape(a.shape) % 7) / 7 * np.minimum(1, np.abs(a))
    try:
        stepped = np.asarray(part(a + 1j * h * direction))
    except (TypeError, ValueError, np.exceptions.ComplexWarning) as error:
        raise GradientError(f"complex-step: {name} does not accept complex numbers: {error}") from None
    slope = (part(a + real * direction) - part(a - real * direction)) / (2 * real)
    eps = float(np.finfo(a.dtype).eps)
    near = eps ** (1 / 4)
    allowed = near * np.max(np.abs(slope)) + 8 * eps * np.max(np.abs(value)) / real
    if not np.iscomplexobj(stepped) and np.any(slope):
        raise GradientError(f"complex-step: {name} gives real numbers for complex ones")
    # A kink within the real step is no mistake of the part's: single ones are let pass.
    right = np.abs(stepped.imag / h - slope) <= allowed
    if not np.allclose(stepped.real, value, rtol=near, atol=near) or np.mean(right) < 0.9:
        raise GradientError(f"complex-step: {name} accepts complex numbers but is no analytic function of them")
