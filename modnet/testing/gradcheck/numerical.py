"""Numerical gradient and gradient descent, for any function of any array."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from modnet.errors import PrecisionWarning, SettingError, ShapeError
from modnet.types import Array

X = TypeVar("X", float, Array)  # a number, or an array of any shape


def numerical_gradient(f: Callable[[X], Any], x: X, h: float = 1e-4, *, in_place: bool = False) -> X:
    """Return the gradient of `f` at `x` by central differences, (f(x + h) - f(x - h)) / 2h for each entry.

    `x` is a number or an array of any shape; integers are taken as float64. `f` returns one number. It is called
    twice per entry, each time with a copy of its own: the caller's `x` stays as it is, whatever `f` does to it.
    With `in_place` the entries of `x` itself are moved, and restored bit for bit even if `f` raises: for a function
    that reads this array from elsewhere, as the book's `lambda W: self.loss(x, t)` does.

    Warns where `f` seems to ignore its argument, after one more call at `x`. Raises SettingError where h is not
    positive or too small for the dtype of `x` to resolve, or where `x` cannot be moved in place, and ShapeError where
    `f` returns more than one number. Saitoh, "Deep Learning from Scratch", chapter 4.3 and 4.4.

    >>> numerical_gradient(lambda x: 0.01 * x**2 + 0.1 * x, 5)
    0.1999999999990898
    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([[3, 4]])).round(6)
    array([[6., 8.]])
    >>> params = {"W": np.array([3.0, 4.0])}
    >>> numerical_gradient(lambda W: (params["W"] ** 2).sum(), params["W"], in_place=True).round(6)
    array([6., 8.])
    """
    if not h > 0:
        raise SettingError([f"'h' must be > 0: {h}"], "numerical_gradient")
    given: Any = x  # of either kind
    if in_place:
        _check_writable(given)
    is_number = isinstance(given, (int, float))
    to_number: Callable[[Any], float] = np.float64 if isinstance(given, np.float64) else float
    start = _copy_as_float(float(given) if is_number else given)
    _check_step(start, h)
    gradient: Array = np.empty(start.shape, start.dtype)

    def evaluate(index: tuple[int, ...], step: float) -> float:
        moved: Any = given if in_place else start.copy()
        moved[index] += step
        argument: Any = to_number(moved) if is_number else moved
        value = _to_number(f(argument))
        if in_place:
            np.copyto(moved, start)  # all of it: `f` may have written to it
        return value

    try:
        for index in np.ndindex(start.shape):
            above, below = evaluate(index, h), evaluate(index, -h)
            gradient[index] = (above - below) / (2 * h)
        # At the minimum of a symmetric function all differences are 0, too.
        if gradient.size and not gradient.any() and above == below == evaluate(index, 0.0):
            warnings.warn(_describe_constant(above, is_number, in_place), PrecisionWarning, stacklevel=2)
    finally:
        if in_place:
            np.copyto(given, start)
    return cast("X", float(gradient) if is_number else gradient)


def gradient_descent(
    f: Callable[[X], Any], init_x: X, lr: float = 0.01, step_num: int = 100, *, history: bool = False
) -> X:
    """Return where `step_num` steps `x -= lr * numerical_gradient(f, x)` lead from `init_x`, which stays as it is.

    `init_x` is a number or an array of any shape; integers are taken as float64. With `history` it is the whole path,
    an array (step_num + 1, *shape of x) that begins with `init_x`: `modnet.figures.contour` draws one of two numbers.
    Raises as `numerical_gradient` does. Saitoh, "Deep Learning from Scratch", chapter 4.4.1.

    >>> gradient_descent(lambda x: (x**2).sum(), np.array([-3, 4]), lr=0.1).round(9)
    array([-1.e-09,  1.e-09])
    >>> gradient_descent(lambda x: (x**2).sum(), [-3, 4], lr=0.1, step_num=2, history=True).round(6)
    array([[-3.  ,  4.  ],
           [-2.4 ,  3.2 ],
           [-1.92,  2.56]])
    """
    x: Any = init_x
    x = float(x) if isinstance(x, (int, float)) else _copy_as_float(x)
    path = [x]
    for _ in range(step_num):
        x = x - lr * numerical_gradient(f, x)
        if history:
            path.append(x)
    return cast("X", np.array(path) if history else x)


def _copy_as_float(x: Any) -> Array:
    copy: Array = np.array(x)
    if copy.dtype.kind not in "buif":
        raise ShapeError(f"a gradient needs real numbers, found an array of {copy.dtype}")
    return copy if copy.dtype.kind == "f" else copy.astype(np.float64)


def _check_writable(x: Any) -> None:
    is_array = isinstance(x, np.ndarray)
    if not is_array or x.dtype.kind != "f" or not x.flags.writeable:
        found = f"an array of {x.dtype}{'' if x.flags.writeable else ', read-only'}" if is_array else type(x).__name__
        what = f"in_place=True moves x itself and needs a writable array of floats, found {found}"
        raise SettingError([f"{what}: make it x = np.array(x, float), and let f read that"], "numerical_gradient")


def _describe_constant(value: float, is_number: bool, in_place: bool) -> str:
    what = f"as it returns {value:.6g} however x is moved"
    if in_place:
        return f"f seems not to read the array x, {what}: pass the array that f reads, not a copy of it"
    advice = ", or, if f reads the array x from elsewhere, call numerical_gradient(f, x, in_place=True)"
    return f"f seems to ignore its argument, {what}: let f use it{'' if is_number else advice}"


def _to_number(value: Any) -> float:
    """Return the value of a function as a float; raises ShapeError where it is no number, or more than one."""
    if value is None:
        raise ShapeError("the function must return one number, it returned None: end it by return")
    if np.ndim(value) and np.size(value) != 1:
        raise ShapeError(f"the function must return one number, it returned shape {np.shape(value)}")
    return float(np.asarray(value).reshape(()))


def _check_step(x: Array, h: float) -> None:
    """Raise SettingError where a step vanishes in the rounding of `x`."""
    lost = (x + x.dtype.type(h) == x) | (x - x.dtype.type(h) == x)
    if np.any(lost & np.isfinite(x)):
        largest = np.max(np.abs(x[lost & np.isfinite(x)] if x.ndim else x))
        what = f"h={h:g} vanishes beside {largest:g} in {x.dtype}: use float64, smaller values or a larger h"
        raise SettingError([what], "numerical_gradient")
