"""Central differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import attrs
from attrs.validators import ge, in_, optional

from modnet import GradientEstimator, Grads, Objective, Params, Stream
from modnet_gradients.arrays import as_numpy, get_step
from modnet_gradients.differences import count_cells, differences
from modnet_gradients.steps.stencil import Stencil, check_floats, check_step
from modnet_gradients.steps.step_size import StepReport, report_from_gradients, report_from_losses
from modnet_gradients.structure import EVALUATE, Evaluate, LayerCells

CENTRAL = Stencil(shifts=(1, -1), weights=(1, -1), divisor=2)


@attrs.frozen
class CentralDifference(GradientEstimator):
    """Central differences by each parameter: g_i = (L(w + h e_i) - L(w - h e_i)) / 2h.

    No derivative of anything is used. Costs 2 evaluations per parameter; of a network's objective only what changes is
    evaluated, thousands of times faster and at least as exact. The truncation error is of order h². The round-off error
    is of order eps |L| / h; of a network whose parts all have an exact `change` it is of order eps |g|, whatever h.

    A network's loss is evaluated at a few moves of each unit where its parts promise smoothness, and interpolated to
    rounding (`evaluate` "nodes", the default); `count_cells` says where. With "every" it is evaluated at every move.

    `h` is by default the book's 1e-4 in float64, 0.0049 in float32; "measured" takes for each weight and bias array the
    one with the least error, by `report`, which costs some hundred evaluations each time. `threads` is by default the
    number of cores; the result is the same for any number.
    Saitoh, "Deep Learning from Scratch", eq. 4.4 and chapter 4.4.2.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> CentralDifference()(f, {"w": np.array([3.0, 4.0])}, modnet.Stream(0))["w"].round(6)
    array([6., 8.])
    """

    h: float | Literal["measured"] | None = attrs.field(default=None)
    threads: int | None = attrs.field(default=None, validator=optional(ge(1)))
    evaluate: Evaluate | None = attrs.field(default=None, validator=optional(in_(EVALUATE)))

    @h.validator
    def _positive(self, _: object, value: float | str | None) -> None:
        if isinstance(value, str) and value != "measured":
            raise ValueError(f"'h' must be a number, or 'measured': {value!r}")
        if not isinstance(value, str) and value is not None and not value > 0:
            raise ValueError(f"'h' must be > 0: {value}")

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient, of the shape and dtype of each parameter; the parameters stay as they are."""
        check_floats(params)
        if isinstance(self.h, (int, float)):
            check_step(self.h, params, objective)
        return differences(objective, params, CENTRAL, self._steps(objective, params), self.threads, self.evaluate)

    def count_cells(self, objective: Callable[[Params], float], params: Params) -> tuple[LayerCells, ...]:
        """Return how each layer of a network is evaluated, and how many of its cells fall back to every move.

        A cell is a sample and a unit. Raises GradientError for a plain function, which has none.

        >>> net = modnet.TwoLayerNet(3, 4, 2, weight_init_std=0.5, seed=0)
        >>> objective = net.objective(np.ones((1, 3)), np.array([1]))
        >>> for layer in CentralDifference(evaluate="every").count_cells(objective, net.params):
        ...     print(layer)
        layer 1: every move, 4 cells
        layer 2: every move, 2 cells
        """
        return count_cells(objective, params, CENTRAL, self._steps(objective, params), self.threads, self.evaluate)

    def _steps(self, objective: Callable[[Params], float], params: Params) -> float | dict[str, float] | None:
        if isinstance(self.h, str):
            return {name: report.best for name, report in self.report(objective, params).items()}
        return self.h

    def report(self, objective: Callable[[Params], float], params: Params) -> dict[str, StepReport]:
        """Return where the step stands between truncation and round-off, for each weight and bias array.

        >>> net = modnet.TwoLayerNet(3, 4, 2, weight_init_std=0.5, seed=0)
        >>> reports = CentralDifference().report(net.objective(np.ones((1, 3)), np.array([1])), net.params)
        >>> reports["W1"].best < reports["W1"].h
        True
        """
        given = self.h if isinstance(self.h, (int, float)) else None
        steps = {name: given or get_step(value) for name, value in params.items()}
        if not isinstance(objective, Objective):
            return report_from_losses(objective, params, steps)
        with as_numpy(objective, params) as (of_numpy, start):

            def gradient(h: Mapping[str, float]) -> Grads:
                return differences(of_numpy, start, CENTRAL, h, self.threads, self.evaluate)

            return report_from_gradients(gradient, start, steps)

    def evaluations(self, params: Params) -> int:
        """Return 2 for each parameter."""
        return CENTRAL.evaluations(params)
