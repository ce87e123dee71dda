"""Arrays of any library, as estimators need them: dtypes as NumPy's, copies, and numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from modnet import Array, GradientError, Objective, Params, default_step, is_numpy, to_numpy


def get_dtype(value: Any) -> np.dtype[Any]:
    """Return the dtype of an array of any library as NumPy's."""
    found: Any = value.dtype
    return found if isinstance(found, np.dtype) else np.dtype(str(found).rpartition(".")[2])


def get_eps(value: Any) -> float:
    """Return the distance from 1 to the next number in the dtype of an array."""
    return float(np.finfo(get_dtype(value)).eps)


def get_step(value: Any) -> float:
    """Return the step of central differences in the dtype of an array, `default_step`."""
    return default_step(get_dtype(value))


def count_numbers(value: Any) -> int:
    """Return how many numbers an array holds."""
    return math.prod(value.shape)


def copy_array(value: Any) -> Array:
    """Return a copy of an array, to write to."""
    if is_other(value):
        copied: Array = array_namespace(value).asarray(value, copy=True)
        return copied
    return np.array(value)


def find_largest(values: Array) -> float:
    """Return the largest magnitude, 0 of no numbers."""
    xp = array_namespace(values)
    return float(xp.max(xp.abs(values))) if count_numbers(values) else 0.0


def is_other(value: object) -> bool:
    """Return whether a value is an array of another library than NumPy."""
    return not isinstance(value, (np.ndarray, np.generic)) and is_array_api_obj(value)


def to_number(loss: Any) -> Any:
    """Return what an objective returned as a number; NumPy's stay as they are."""
    if is_other(loss):
        return complex(loss) if "complex" in str(loss.dtype) else float(loss)
    return loss


@contextmanager
def as_numpy(objective: Any, params: Params) -> Iterator[tuple[Any, Params]]:
    """Yield a network's objective and its parameters with NumPy's arrays, of which the same loss comes out.

    Raises GradientError where a part does not take these, and says so or fails.
    """
    if not isinstance(objective, Objective) or all(is_numpy(value) for value in params.values()):
        yield objective, params
        return
    layers = [place.layer.activation or place.layer for place in objective.placed]
    for part in (*layers, objective.loss_function):
        if part.array_library not in {None, "numpy"}:
            raise _refuse(f"{part!r} takes arrays of {part.array_library} alone")
    params = {name: to_numpy(value) for name, value in params.items()}
    try:
        yield objective.match(next(iter(params.values()))), params
    except (AttributeError, TypeError) as error:  # of a third-party part
        raise _refuse(f"a part does not take its arrays ({error})") from None


def _refuse(why: str) -> GradientError:
    what = f"differences of a network are computed by NumPy, and {why}"
    return GradientError(f"{what}: choose backpropagation, or spsa")
