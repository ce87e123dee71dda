"""Chebyshev interpolation of a change from a few nodes."""

from __future__ import annotations

import math
from functools import cache

import attrs
import numpy as np
from numpy.polynomial import chebyshev

from modnet import Array
from modnet_gradients.steps.stencil import Stencil

AUDIT = -(0.5**0.5)  # the node at which the interpolation is compared with the function
MOST_PAIRS = 8
FARTHEST = 1e3  # beyond, no number of pairs is enough, and powers overflow
ONE_MOVE = Stencil(shifts=(1,), weights=(1,), divisor=1, centre=-1)  # for which all coefficients are needed


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
    @cache
    def of(cls, pairs: int, stencil: Stencil, dtype: np.dtype[np.generic]) -> Nodes:
        """Return the nodes for a stencil of real shifts."""
        half = np.cos(np.arange(pairs) * np.pi / (2 * pairs - 1))
        places = np.concatenate([half, -half, [AUDIT]]).astype(dtype).astype(float)
        every = chebyshev.chebvander(places, 2 * pairs) - chebyshev.chebvander(np.zeros(1), 2 * pairs)
        inverse = np.linalg.inv(every[:-1, 1:])
        degrees = tuple(p for p in range(1, 2 * pairs + 1) if any(_polynomial(p, stencil)))
        residual = np.append(-every[-1, 1:] @ inverse, 1)
        matrix = np.stack([*(np.append(inverse[p - 1], 0) for p in degrees), residual])
        return cls(places.astype(dtype), matrix.astype(dtype), degrees)


def choose_pairs(reach: float, eps: float) -> int:
    """Return how many pairs of nodes a function that varies on a scale of 1 needs for moves up to `reach`.

    The first coefficient that is left out, U^p / (2^(p-1) p!) with p = 2m + 1, is then lost in the rounding of U.
    """
    pairs, reach = 2, min(reach, FARTHEST)
    while pairs < MOST_PAIRS and (reach / 2) ** (2 * pairs) / math.factorial(2 * pairs + 1) > eps / 2:
        pairs += 1
    return pairs


def basis(rho: Array, degrees: tuple[int, ...], stencil: Stencil) -> Array:
    """Return for each degree p the stencil's sum of T_p(s rho) - T_p(0) over its shifts s, over its divisor.

    `rho` is (N, inputs), the sums are (degrees N, inputs).
    """
    sums = np.empty((len(degrees), *rho.shape), rho.dtype)
    square = rho * rho if degrees[-1] > 1 else rho
    for p, out in zip(degrees, sums, strict=True):
        lowest = rho if p % 2 else square
        highest, *lower = _polynomial(p, stencil)
        np.multiply(square if lower else lowest, highest, out=out)
        for n, factor in enumerate(lower, start=1):  # Horner's rule
            out += factor
            out *= square if n < len(lower) else lowest
    return sums.reshape(len(degrees) * len(rho), rho.shape[1])


@cache
def to_powers(degree: int, dtype: np.dtype[np.generic]) -> Array:
    """Return the matrix that makes coefficients of powers, from 1 on, of those of Chebyshev's polynomials."""
    columns = [chebyshev.cheb2poly(np.eye(degree + 1)[p])[1:] for p in range(1, degree + 1)]
    return np.stack([np.pad(column, (0, degree - len(column))) for column in columns], axis=1).astype(dtype)


@cache
def _polynomial(degree: int, stencil: Stencil) -> tuple[float, ...]:
    """Return the stencil's sum of T_p as factors of the powers p, p - 2, ..., down to 1 or 2."""
    factors = chebyshev.cheb2poly([0] * degree + [1])
    return tuple(
        float(factors[q])
        * sum(w.real * s.real**q for s, w in zip(stencil.shifts, stencil.weights, strict=True))
        / stencil.divisor
        for q in range(degree, 0, -2)
    )
