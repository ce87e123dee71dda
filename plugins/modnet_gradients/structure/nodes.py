"""Chebyshev interpolation of a change from a few nodes."""

from __future__ import annotations

import math
from functools import cache

import attrs
import numpy as np

from modnet import Array
from modnet_gradients.stencil import Stencil

AUDIT = -(0.5**0.5)  # the node at which the interpolation is compared with the function
MOST_PAIRS = 8


@attrs.frozen(eq=False)
class Nodes:
    """Nodes at which a change is evaluated, and the matrix from changes to coefficients.

    A change f(u) - f(0) of moves u between -U and U is sum_p C_p (T_p(u / U) - T_p(0)), with Chebyshev's polynomials
    T_p of the degrees p = 1 to 2m. `places` (M,) are the nodes in units of U: m pairs of Chebyshev-Lobatto nodes, and
    the audit node last. `matrix` (degrees and 1, M) times the changes at them gives the coefficients of those `degrees`
    that the stencil needs, and the audit's residual: the change there less the interpolated one.
    """

    places: Array
    matrix: Array
    degrees: tuple[int, ...]

    @classmethod
    def of(cls, pairs: int, stencil: Stencil, dtype: np.dtype[np.generic]) -> Nodes:
        """Return the nodes for a stencil of real shifts."""
        return _nodes(pairs, tuple(p for p in range(1, 2 * pairs + 1) if _shifts(stencil, p)), dtype)


@cache
def _nodes(pairs: int, degrees: tuple[int, ...], dtype: np.dtype[np.generic]) -> Nodes:
    half = np.cos(np.arange(pairs) * np.pi / (2 * pairs - 1)).round(16)
    places = np.concatenate([half, -half, [AUDIT]]).astype(dtype).astype(float)
    every = np.stack([_chebyshev(places, p) - _chebyshev(np.zeros(1), p) for p in range(1, 2 * pairs + 1)], axis=1)
    inverse = np.linalg.inv(every[:-1])
    residual = np.append(-every[-1] @ inverse, 1)
    matrix = np.stack([*(np.append(inverse[p - 1], 0) for p in degrees), residual])
    return Nodes(places.astype(dtype), matrix.astype(dtype), degrees)


def choose_pairs(reach: float, eps: float) -> int:
    """Return how many pairs of nodes a function that varies on a scale of 1 needs for moves up to `reach`.

    The first coefficient that is neglected, U^p / (2^(p-1) p!) with p = 2m + 1, is then lost in the rounding of U.
    """
    pairs = 2
    while pairs < MOST_PAIRS and (reach / 2) ** (2 * pairs) / math.factorial(2 * pairs + 1) > eps / 2:
        pairs += 1
    return pairs


def basis(rho: Array, degrees: tuple[int, ...], stencil: Stencil, out: Array) -> None:
    """Write for each degree the stencil's sum of T_p(s rho) - T_p(0) over the shifts s, over its divisor, to `out`."""
    for i, p in enumerate(degrees):
        out[i] = 0
        for shift, weight in _shifts(stencil, p):
            out[i] += weight * (_chebyshev(shift * rho, p) - float(_chebyshev(np.zeros(1), p)[0]))


def _shifts(stencil: Stencil, degree: int) -> list[tuple[float, float]]:
    """Return the sizes of the stencil's shifts, and the weight of each for a polynomial of this degree."""
    weights: dict[float, float] = {}
    for shift, weight in zip(stencil.shifts, stencil.weights, strict=True):
        sign = -1 if degree % 2 and shift.real < 0 else 1
        weights[abs(shift)] = weights.get(abs(shift), 0) + sign * weight.real / stencil.divisor
    return [(shift, weight) for shift, weight in weights.items() if weight]


def _chebyshev(x: Array, degree: int) -> Array:
    last, this = np.ones_like(x), x
    for _ in range(1, degree):
        last, this = this, 2 * x * this - last
    return this
