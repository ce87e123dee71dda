"""Measured errors of a step: truncation and round-off."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import attrs
import numpy as np

from modnet import Array, Grads, Params
from modnet_gradients.arrays import copy_array, count_numbers, get_eps
from modnet_gradients.steps.stencil import of_copies

PROBES = 8  # entries of each parameter, spread evenly
ORDER = 6  # differences of this order are noise: those of the smooth part have vanished
NEARBY = 9  # values at equal distances, of which differences of that order are taken
SPACING = 1e-3  # of nearby steps, as a share of the step


@attrs.frozen
class StepReport:
    """The errors of central differences by one parameter's entries with the step `h`, and the step that has the least.

    `truncation` is h² |L'''| / 6; `round_off` is what rounding moves an entry by. Both are absolute errors of an entry
    of the gradient, in the root mean square. `best` is where their sum is least.
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


def report_from_gradients(
    gradient: Callable[[Mapping[str, float]], Grads], params: Params, steps: Mapping[str, float]
) -> dict[str, StepReport]:
    """Return where each parameter's step stands, from about 20 gradients of a network, each with steps of its own.

    The gradient is a smooth function of the step, so that differences of a high order between nearby steps are
    rounding: as the gradient is computed, with exact changes of the parts or without. How it grows with 1 / h is seen
    at the least step that the dtype resolves. The truncation error follows from what halving and doubling the step
    changes, a third as much as doubling where all is smooth; where rounding hides that, from large steps.
    """
    eps = {name: float(np.finfo(value.dtype).eps) for name, value in params.items()}
    least = {name: e**0.5 for name, e in eps.items()}
    at_step, at_least = (_nearby(gradient, h) for h in (steps, least))
    here = {name: found[NEARBY // 2] for name, found in at_step.items()}
    truncation = _truncation(*(gradient(_scale(steps, factor)) for factor in (0.5, 1, 2)))
    rounding = {name: 2 * eps[name] * _rms(value) for name, value in here.items()}  # of an entry, whatever the step
    round_off = {name: max(_noise(at_step[name]), rounding[name]) for name in params}
    if any(truncation[name] < 4 * round_off[name] for name in params):
        far = {name: e ** (1 / 8) for name, e in eps.items()}
        at_far = _truncation(*(gradient(_scale(far, factor)) for factor in (0.5, 1, 2)))
        for name, h in steps.items():
            if truncation[name] < 4 * round_off[name]:
                truncation[name] = at_far[name] * (h / far[name]) ** 2
    reports = {}
    for name, h in steps.items():
        noise = max(_noise(at_least[name]), rounding[name]) * least[name]
        best = _best(noise, 6 * truncation[name] / h**2, eps[name])
        reports[name] = StepReport(h, truncation[name], round_off[name], best)
    return reports


def report_from_losses(
    objective: Callable[[Params], float], params: Params, steps: Mapping[str, float]
) -> dict[str, StepReport]:
    """Return where each parameter's step stands, from 15 evaluations of any function for each of 8 of its entries.

    The noise is measured on differences of a high order between nearby points, and an entry's round-off is noise / h.
    Moré and Wild (2011), "Estimating computational noise", and (2012), "Estimating derivatives of noisy simulations".
    """
    objective = of_copies(objective)
    return {name: _report(objective, params, name, steps[name]) for name in params}


def _report(objective: Callable[[Params], float], params: Params, name: str, h: float) -> StepReport:
    value, eps = params[name], get_eps(params[name])
    near, far = 16 * eps**0.5, eps ** (1 / 8)
    noises, thirds = [], []
    size = count_numbers(value)
    for entry in range(0, size, max(1, size // PROBES)):

        def at(shift: float, entry: int = entry) -> float:
            moved = copy_array(value)
            moved[tuple(map(int, np.unravel_index(entry, value.shape)))] += shift
            return float(objective({**params, name: moved}))

        noises.append(_noise([at(near * i) for i in range(-4, 5)]))
        thirds.append((at(2 * far) - 2 * at(far) + 2 * at(-far) - at(-2 * far)) / (2 * far**3))
    # Rounding to the last bit is always there, even where these few evaluations do not show it.
    noise = max(_rms(noises), eps / 8 * abs(float(objective(params))))
    third = max(_rms(thirds), noise)
    return StepReport(h, h**2 * third / 6, noise / h, _best(noise, third, eps))


def _nearby(gradient: Callable[[Mapping[str, float]], Grads], steps: Mapping[str, float]) -> dict[str, Array]:
    """Return gradients with steps at equal distances around those given, along a first axis."""
    scales = 1 + SPACING * (np.arange(NEARBY) - NEARBY // 2)
    found = [gradient(_scale(steps, float(scale))) for scale in scales]
    return {name: np.stack([grads[name] for grads in found]).astype(float) for name in steps}


def _scale(steps: Mapping[str, float], factor: float) -> dict[str, float]:
    return {name: factor * h for name, h in steps.items()}


def _truncation(half: Grads, once: Grads, twice: Grads) -> dict[str, float]:
    """Return the distance of gradients from those without a step, from half the step and twice the step.

    It grows as h² where all is smooth, so that the changes are in a ratio of 4; as h where moves pass kinks.
    """
    found = {}
    for name, value in once.items():
        nearer, farther = _rms(value.astype(float) - half[name]), _rms(twice[name].astype(float) - value)
        ratio = min(4.0, max(2.0, farther / nearer)) if nearer else 4.0
        found[name] = farther / (ratio - 1)
    return found


def _best(noise: float, third: float, eps: float) -> float:
    """Return the step with the least noise / h + h² third / 6, of those that the dtype resolves."""
    return min(0.1, max(eps**0.5, math.cbrt(3 * noise / third))) if third else 0.1


def _noise(values: list[float] | Array) -> float:
    """Return the standard deviation of the noise in values of a smooth function at equal distances, the first axis."""
    differences: Array = np.diff(np.asarray(values), ORDER, axis=0)
    return _rms(differences) / math.sqrt(math.comb(2 * ORDER, ORDER))


def _rms(values: list[float] | Array) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if np.size(values) else 0.0
