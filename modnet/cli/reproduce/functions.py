"""Functions whose derivatives were published, each of parameters `x`."""

from __future__ import annotations

from typing import Any

import numpy as np

from modnet.types import Params


def quadratic(params: Params) -> Any:
    """Return 0.01 x² + 0.1 x (Saitoh 2016, section 4.3.2)."""
    return 0.01 * params["x"] ** 2 + 0.1 * params["x"]


def sum_of_squares(params: Params) -> Any:
    """Return x0² + x1² (Saitoh 2016, section 4.3.3)."""
    x = params["x"]
    return x[0] ** 2 + x[1] ** 2


def square_beside_16(params: Params) -> Any:
    """Return x² + 4² (Saitoh 2016, section 4.3.3)."""
    return params["x"] * params["x"] + 4.0**2.0


def square_after_9(params: Params) -> Any:
    """Return 3² + x² (Saitoh 2016, section 4.3.3)."""
    return 3.0**2.0 + params["x"] * params["x"]


def one_layer(params: Params) -> Any:
    """Return the cross-entropy of the softmax of (0.6, 0.9) W for class 2, W (2, 3) (Saitoh 2016, section 4.4.2)."""
    scores = np.array([0.6, 0.9]) @ params["x"]
    shifted = np.exp(scores - np.max(scores.real))
    return -np.log(shifted[2] / np.sum(shifted))


def power(params: Params) -> Any:
    """Return x to the power of 9/2 (Squire and Trapp 1998)."""
    return params["x"] ** 4.5


def squire_trapp(params: Params) -> Any:
    """Return exp(x) / (sin(x)³ + cos(x)³) (Squire and Trapp 1998)."""
    x = params["x"]
    return np.exp(x) / (np.sin(x) ** 3 + np.cos(x) ** 3)


def beale(params: Params) -> Any:
    """Return Beale's function, whose minimum is 0 at (3, 0.5)."""
    x, y = params["x"]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def rosenbrock(params: Params) -> Any:
    """Return Rosenbrock's function, whose minimum is 0 at (1, 1)."""
    x, y = params["x"]
    return (1.0 - x) ** 2 + 100.0 * (y - x**2) ** 2
