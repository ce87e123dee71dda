"""Polynomials of a layer's outputs, for moves by the units before it."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from modnet import Array
from modnet_gradients.structure.nodes import ONE_MOVE, Nodes, choose_pairs, to_powers

NOISE = 16  # in units of rounding: what the audit of smooth functions stays below
ROUNDING = 2  # what rounding leaves of a coefficient that is 0
MOST_PAIRS = 3  # of nodes: powers of higher degrees lose digits
LEAST = 16  # samples from which on the products pay


@attrs.frozen(eq=False)
class LayerPolynomials:
    """The outputs of an elementwise layer, as polynomials of one number for each unit before it and sample.

    A unit u before it moves row r's pre-activation by w_ru dz_u: along the weights w (rows, units). With d = w / W, W
    the largest of the row, and s = dz / S, S the largest of the sample, the output changes by
    sum_n c_n (d s)^n, with c_n (rows, 1, N) for each power n from 1 on. They follow from a few evaluations at nodes in
    reach of all units, so that what the next layer sums is one product for each power, for all moves and units.
    `bad` (N,) says for which samples an audit at one more node, or a known kink, contradicts.
    """

    coefficients: tuple[Array, ...]
    directions: Array
    scale: Array
    bad: Array

    @classmethod
    def of(
        cls, change: Callable[..., Array], kinks: tuple[float, ...], a: Array, z: Array, weights: Array, dz: Array
    ) -> LayerPolynomials:
        """Return the polynomials of a layer with pre-activations and outputs `a` and `z` (rows, 1, N).

        `change` and `kinks` are those of its activation; `dz` (units, M, N) are the moves of the units before it.
        """
        eps = np.finfo(a.dtype).eps
        scale = _positive(np.maximum(dz.max(axis=(0, 1)), -dz.min(axis=(0, 1))))
        widest = _positive(np.abs(weights).max(axis=1, keepdims=True))
        reach = (widest * scale)[:, np.newaxis]
        pairs = min(choose_pairs(float(reach.max()), float(eps)), MOST_PAIRS)
        nodes = Nodes.of(pairs, ONE_MOVE, a.dtype)
        found = nodes.matrix @ change(a, z, nodes.places[:, np.newaxis] * reach, axis=0)
        # The rounding of the sample's largest output is that of what follows.
        largest = np.abs(found).max(axis=0)
        bad = (~(np.abs(found[:, -1]) <= NOISE * eps * largest[0])).any(axis=0)
        for kink in kinks:
            bad |= (np.abs(a - a.dtype.type(kink)) <= reach).any(axis=(0, 1))
        kept = int(np.flatnonzero((largest[:-1] > ROUNDING * eps * largest[0])[:, ~bad].any(axis=1)).max(initial=0)) + 1
        powers = to_powers(kept, a.dtype) @ found[:, :kept]
        coefficients = tuple(np.ascontiguousarray(powers[:, n]) for n in range(kept))
        return cls(coefficients, weights / widest, scale, bad)

    def products(self, weights: Array, dz: Array) -> Array:
        """Return the next layer's sums with `weights` (outputs, rows), (outputs, units, M, N), for moves `dz`."""
        s, powers = dz / self.scale, [self.directions.T]
        for _ in self.coefficients[1:]:
            powers.append(powers[-1] * self.directions.T)
        sums = (
            ((weights[:, np.newaxis] * power).reshape(-1, len(c)) @ c).reshape(len(weights), len(dz), 1, -1)
            for c, power in zip(reversed(self.coefficients), reversed(powers), strict=True)
        )
        total: Array = next(sums) * s
        for along in sums:  # Horner's rule
            total += along
            total *= s
        return total


def _positive(sizes: Array) -> Array:
    """Return sizes with 1 in place of 0, as scales of what does not move."""
    return np.where(sizes > 0, sizes, np.ones_like(sizes))
