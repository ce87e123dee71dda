"""Measured errors of a step: truncation and round-off."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import attrs
import numpy as np

from modnet import Array, Params
from modnet_gradients.stencil import of_copies

PROBES = 8  # entries of each parameter, spread evenly
ORDER = 6  # differences of this order are noise: those of the smooth part have vanished


@attrs.frozen
class StepReport:
    """The errors of central differences by one parameter's entries with the step `h`, and the step that has the least.

    `truncation` is h² |L'''| / 6 and `round_off` is noise / h, both absolute errors of an entry of the gradient, for
    the root mean square of L''' and of the loss's noise. `best` is where their sum is least, (3 noise / |L'''|)^(1/3).
    """

    h: float
    truncation: float
    round_off: float
    best: float

    def __str__(self) -> str:
        return (
            f"h={self.h:.1e}: truncation {self.truncation:.1e}, round-off {self.round_off:.1e}; "
            f"least error with h={self.best:.1e}"
        )


def step_reports(
    objective: Callable[[Params], float], params: Params, steps: Mapping[str, float]
) -> dict[str, StepReport]:
    """Return where each parameter's step stands, from 15 evaluations of the loss for each of 8 of its entries.

    The noise is measured on differences of a high order between nearby points. Moré and Wild (2011), "Estimating
    computational noise", and (2012), "Estimating derivatives of noisy simulations".
    """
    objective = of_copies(objective)
    return {name: _report(objective, params, name, steps[name]) for name in params}


def _report(objective: Callable[[Params], float], params: Params, name: str, h: float) -> StepReport:
    value = params[name]
    eps = float(np.finfo(value.dtype).eps)
    near, far = 16 * eps**0.5, eps ** (1 / 8)
    noises, thirds = [], []
    for entry in range(0, value.size, max(1, value.size // PROBES)):

        def at(shift: float, entry: int = entry) -> float:
            moved = value.copy()
            moved.reshape(-1)[entry] += shift
            return float(objective({**params, name: moved}))

        noises.append(_noise([at(near * i) for i in range(-4, 5)]))
        thirds.append((at(2 * far) - 2 * at(far) + 2 * at(-far) - at(-2 * far)) / (2 * far**3))
    # Rounding to the last bit is always there, even where these few evaluations do not show it.
    noise = max(_rms(noises), eps / 8 * abs(float(objective(params))))
    third = max(_rms(thirds), noise)
    best = min(0.1, max(eps**0.5, (3 * noise / third) ** (1 / 3)))
    return StepReport(h, h**2 * third / 6, noise / h, best)


def _noise(values: list[float]) -> float:
    """Return the standard deviation of the noise in values of a smooth function at equal distances."""
    differences: Array = np.diff(np.asarray(values), ORDER)
    return _rms(differences) / math.sqrt(math.comb(2 * ORDER, ORDER))


def _rms(values: list[float] | Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
