"""Validation of the values that parts return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from traceback import walk_tb
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import attrs
import numpy as np

from modnet.errors import ModnetError, PluginError, ShapeError
from modnet.interfaces import Activation, FusedLoss, GradientEstimator, Layer, Loss, Optimizer
from modnet.nn.arrays import NUMPY, count_writes, describe_odd, drop_tape, follow_library, get_library, is_other_array
from modnet.types import Array, Grads, Params, State, is_numpy

COMPUTING = (Activation, FusedLoss, GradientEstimator, Layer, Loss, Optimizer)
P = ParamSpec("P")
T = TypeVar("T")


def to_array(given: Any, dtype: Any, what: str) -> Array:
    """Return what a user gave as an array, of NumPy's unless it is one; raises ShapeError where it cannot be one."""
    odd = describe_odd(given) if is_other_array(given) or hasattr(given, "toarray") else ""
    if odd or (dtype is not None and getattr(getattr(given, "dtype", None), "kind", "f") in "cmM"):
        raise ShapeError(f"{what} must be real numbers: found {odd or f'an array of {given.dtype}'}")
    try:
        if is_other_array(given):
            return drop_tape(get_library(given).convert(given, dtype))
        return np.asarray(given, dtype)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"{what} must be numbers in rows of one length: {error}") from None


def check_unwritten(array: Array, writes: int, part: object) -> None:
    """Raise PluginError where a part has written into the array it was given, into which there were so many writes."""
    if count_writes(array) != writes:
        raise PluginError(f"{part!r} writes into the array it is given", "let it return a new one", part=part)


def validate_array(values: Any, like: Any, part: object, shape: tuple[int, ...] | None = None) -> Array:
    """Return what a part returned for `like`; raises PluginError where it is no such array, or of another `shape`."""
    shape = like.shape if shape is None else shape
    if getattr(values, "shape", None) != shape:
        raise describe_returned(part, values, f"an array of shape {tuple(shape)} is expected")
    if not isinstance(like, np.ndarray):
        return follow_library(values, like, part)
    values = np.asarray(values)  # of a matrix, or a masked array, products are others
    if values.dtype != like.dtype and not np.can_cast(values.dtype, like.dtype, "same_kind"):
        raise PluginError(f"{part!r} returned an array of {values.dtype}", f"{like.dtype} is expected", part=part)
    return cast("Array", values)


def validate_arrays(values: Any, params: Params, part: object, place: str = "") -> Mapping[str, Array]:
    """Return a gradient, or new parameters, in the dtypes of `params`: one float64 makes float64 of all that follows.

    Raises PluginError where a part returned no array of real numbers for each parameter, of its shape; `place` says
    where in what it returned.
    """
    if not isinstance(values, Mapping) or values.keys() != params.keys():
        raise describe_returned(part, values, f"an array for each of {', '.join(params)} is expected{place}")
    found, are_numpys = {}, is_numpy(next(iter(params.values()), None))
    for name, value in params.items():
        given = values[name]  # once, as it may be made only now
        if getattr(given, "shape", None) != value.shape:
            expected = f"an array of the shape of {name}, {tuple(value.shape)}, is expected{place}"
            raise describe_returned(part, given, expected)
        if not are_numpys:
            found[name] = follow_library(given, value, part)
            continue
        array = np.asarray(given)
        if array.dtype != value.dtype:
            if not np.can_cast(array.dtype, value.dtype, "same_kind"):
                raise PluginError(f"{part!r} returned {name} as {array.dtype}", "real numbers are expected", part=part)
            array = array.astype(value.dtype)
        found[name] = array
    return found


def validate_grads(values: Any, params: Params, part: object) -> Mapping[str, Array]:
    """Return a gradient as `validate_arrays` does; of a mapping that is no dict each array when it is asked for.

    An estimator may make it only then: no second copy of all parameters is there.
    """
    if isinstance(values, dict) or not isinstance(values, Mapping) or values.keys() != params.keys():
        return validate_arrays(values, params, part)
    return _Validated(values, params, part)


@attrs.frozen(eq=False)
class _Validated(Mapping[str, Array]):
    values_: Mapping[str, Any]
    params: Params
    part: object

    def __getitem__(self, name: str) -> Array:
        return validate_arrays({name: self.values_[name]}, {name: self.params[name]}, self.part)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.params)

    def __len__(self) -> int:
        return len(self.params)


def split_estimate(result: Any, estimator: object) -> tuple[Grads, State]:
    """Return the gradient and the state that `estimate` returned; raises PluginError where they are not both there."""
    if type(result) is not tuple or len(result) != 2:
        raise describe_returned(estimator, result, "a gradient and a state are expected: let estimate return both")
    return result[0], result[1]


def validate_estimate(result: Any, params: Params, estimator: object) -> tuple[Mapping[str, Array], State]:
    """Return an estimator's gradient, as `validate_grads` does, and its state; raises PluginError."""
    grads, state = split_estimate(result, estimator)
    return validate_grads(grads, params, estimator), state


def validate_step(result: Any, params: Params, optimizer: object) -> tuple[Params, State]:
    """Return an optimizer's new parameters, in the dtypes of the given ones, and its state; raises PluginError."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise describe_returned(optimizer, result, "new parameters and a state are expected")
    return validate_arrays(result[0], params, optimizer, " before the state"), result[1]


def validate_number(value: Any, part: object) -> float:
    """Return the number that a part returned; raises PluginError where it is none."""
    try:
        if isinstance(value, (int, float, np.integer, np.floating)):
            return float(value)
    except OverflowError:  # a whole number has any size
        pass
    raise describe_returned(part, value, "a number is expected")


def naming_parts(compute: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Have an error of a part name it, where a network's arrays are not NumPy's: the part may compute with these alone.

    The network is the first argument.
    """

    @wraps(compute)
    def run(network: Any, /, *args: P.args, **settings: P.kwargs) -> T:
        try:
            return compute(network, *args, **settings)
        except Exception as error:
            if isinstance(error, ModnetError):
                raise
            library = get_library(next(iter(network.params.values())))
            if library is NUMPY or not (part := _find_part(error)):
                raise
            what = f"{type(error).__name__}: {error!s:.200}".splitlines()[0]
            why = f"{part!r} failed with arrays of {library} ({what})"
            raise PluginError(why, "choose the array library numpy, or another part", part=part) from error

    return run


def _find_part(error: BaseException) -> object:
    """Return the part that computed last before an error, or None."""
    frames = (frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__))
    return next((part for part in reversed([*frames]) if isinstance(part, COMPUTING)), None)


def describe_returned(part: object, value: Any, expected: str) -> PluginError:
    """Return the error of a part that returned something else than expected."""
    name = type(value).__name__
    what = f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
    if isinstance(value, Mapping):
        what += f" of {', '.join(map(str, value))}" if value else " of nothing"
    elif getattr(value, "shape", ()):
        what = f"an array of shape {tuple(value.shape)}"
    return PluginError(f"{part!r} returned {what}", expected, part=part)
