"""Complex steps."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from attrs.validators import ge, gt, optional

from modnet import (
    Activation,
    Array,
    GradientError,
    GradientEstimator,
    Grads,
    Objective,
    Params,
    Stream,
    limit_blas_threads,
)
from modnet_gradients.analytic import check_analytic, refuse_complex_warnings
from modnet_gradients.arrays import as_numpy
from modnet_gradients.differences import differences
from modnet_gradients.steps.stencil import Stencil

COMPLEX = Stencil(shifts=(1j,), weights=(-1j,), divisor=1)


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
        with refuse_complex_warnings():
            if isinstance(objective, Objective):
                with as_numpy(objective, params) as moved:
                    _check_parts(*moved, self.h)
            try:
                return differences(objective, params, COMPLEX, self.h, self.threads)
            except (TypeError, np.exceptions.ComplexWarning) as error:
                raise GradientError(f"complex-step needs a loss that accepts complex numbers: {error}") from None

    def evaluations(self, params: Params) -> int:
        """Return 1 for each parameter, a complex one."""
        return COMPLEX.evaluations(params)


@limit_blas_threads(1)  # the forward pass is the one that the differences take
def _check_parts(objective: Objective, params: Params, h: float) -> None:
    """Compare each part's slope by a complex step with that by a real one; they differ where it is not analytic.

    Layers before the dense ones at the end are compared where their changes are taken.
    """
    loss, t, trace = objective.loss_function, objective.t, objective.trace(params)
    *hidden, (where, last, a, y) = _find_activations(objective, params)
    fused = loss.fused(last)
    for place, activation, before, after in [*hidden, *([(where, last, a, y)] if fused is None else [])]:
        check_analytic(f"the activation {activation!r} of {place}", activation, before, after, h)
    if fused is None:
        check_analytic(f"the loss {loss!r}", lambda y: loss(y, t), trace.output, trace.losses, h)
    else:
        check_analytic(f"the loss {loss!r} with {last!r}", lambda a: fused.losses(a, t), a, trace.losses, h)


def _find_activations(objective: Objective, params: Params) -> list[tuple[str, Activation, Array, Array]]:
    """Return the activations of the dense layers at the end, or the last one: where each is, its inputs and outputs."""
    before, _ = objective.dense_tail(params)
    trace = objective.trace(params)
    if not before:
        outputs = (*trace.inputs[1:], trace.output)
        return [
            (f"layer {layer.number}", layer.activation, a, z)
            for layer, a, z in zip(objective.layers, trace.pre_activations, outputs, strict=True)
        ]
    first = min(before + 1, len(objective.placed) - 1)
    ends = zip(objective.placed, trace.values, (*trace.values[1:], trace.output), strict=True)
    return [
        (place.label, place.layer.activation, a, z)
        for place, a, z in list(ends)[first::2]
        if place.layer.activation is not None
    ]
