"""Changes of functions without cancellation, shared by the losses."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace

from modnet import Array


def log_change(before: Array, after: Array, change: Array) -> Array:
    """Return log(after) - log(before), where `change`, which is after - before, may be small.

    >>> log_change(np.array([0.5]), np.array([0.5]), np.array([1e-20]))
    array([2.e-20])
    """
    xp = array_namespace(before, change)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # infinite as the logarithms are
        ratio = change / before
        logarithm = xp.log1p(ratio)
        is_small = (ratio > -0.5) & (ratio < 1e3)
        return logarithm if xp.all(is_small) else xp.where(is_small, logarithm, xp.log(after) - xp.log(before))
