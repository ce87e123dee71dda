"""Parts on complex numbers, compared with their real slopes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import numpy as np

from modnet import Array, GradientError, default_step

ADVICE = "choose richardson"
_lock, _inside, _filters = Lock(), list[bool](), ExitStack()


def check_analytic(name: str, part: Callable[[Array], Any], a: Array, value: Array, h: float) -> None:
    """Compare a part's slope at `a` by a complex step with that by a real one; they differ where it is not analytic.

    Raises GradientError with its name.
    """
    # Each number moves by another multiple: a part that mixes them up does not hide it. Small enough to stay in the
    # domain of a logarithm at outputs near 0, and scaled with each number.
    real = default_step(a.dtype) * 1e-2
    direction = (1 + np.arange(a.size, dtype=a.dtype).reshape(a.shape) % 7) / 7 * np.minimum(1, np.abs(a))
    try:
        stepped = np.asarray(part(a + 1j * h * direction))
    except (TypeError, ValueError, np.exceptions.ComplexWarning) as error:
        raise GradientError(f"complex-step: {name} does not accept complex numbers: {ADVICE} ({error})") from None
    above, below = part(a + real * direction), part(a - real * direction)
    slope = (above - below) / (2 * real)
    eps = float(np.finfo(a.dtype).eps)
    near = eps ** (1 / 4)
    allowed = near * np.max(np.abs(slope)) + 8 * eps * np.max(np.abs(value)) / real
    if not np.iscomplexobj(stepped) and np.any(slope):
        raise GradientError(f"complex-step: {name} gives real numbers for complex ones: {ADVICE}")
    # A kink within the real step, as where a maximum has equals, is no mistake of the part's: those are let pass.
    smooth = np.abs(above - 2 * value + below) / real <= allowed
    right = (np.abs(stepped.imag / h - slope) <= allowed)[smooth]
    if not np.allclose(stepped.real, value, rtol=near, atol=near) or not right.size or np.mean(right) < 0.9:
        raise GradientError(
            f"complex-step: {name} accepts complex numbers but is no analytic function of them: {ADVICE}"
        )


@contextmanager
def refuse_complex_warnings() -> Iterator[None]:
    """Make an error of a number that loses its imaginary part, until the last thread that wants it has ended.

    Filters of warnings belong to the process: threads that each restored what they found would leave some behind.
    """
    with _lock:
        if not _inside:
            _filters.enter_context(warnings.catch_warnings(action="error", category=np.exceptions.ComplexWarning))
        _inside.append(True)
    try:
        yield
    finally:
        with _lock:
            _inside.pop()
            if not _inside:
                _filters.close()
