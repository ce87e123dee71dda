"""Initial weights and biases."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from modnet.errors import SettingError
from modnet.interfaces import Param, PlacedLayer
from modnet.randomness import Stream
from modnet.types import Array

WeightInitStd = float | Literal["he", "xavier"]
NamedInit = float | Literal["normal", "he", "xavier", "lecun", "orthogonal"]
WeightInit = NamedInit | Callable[[int, int, np.random.Generator], Any]  # from inputs, outputs and a generator

_DEVIATIONS: dict[str, Callable[[int, int], float]] = {
    "he": lambda inputs, _: (2 / inputs) ** 0.5,
    "xavier": lambda inputs, outputs: (2 / (inputs + outputs)) ** 0.5,
    "lecun": lambda inputs, _: (1 / inputs) ** 0.5,
}


def initialize_params(
    placed: Sequence[PlacedLayer],
    weight_init_std: WeightInitStd = 0.01,
    seed: int = 0,
    dtype: str = "float64",
    weight_init: WeightInit | Sequence[WeightInit] | None = None,
    bias_init: float | Sequence[float] | None = None,
    bias_init_std: float | None = None,
) -> dict[str, Array]:
    """Return weights drawn from a normal distribution, each from its own stream, and biases.

    `weight_init` is a rule for all layers, or a list of one for each that has no rule of its own: a standard deviation,
    "he" (sqrt(2 / inputs), He et al. 2015, eq. 10), "xavier" (sqrt(2 / (inputs + outputs)), Glorot and Bengio 2010, eq.
    12), "lecun" (1 / sqrt(inputs), LeCun et al. 1998, eq. 16), "orthogonal" (rows or columns of length 1 at right
    angles, Saxe et al. 2014), a function of inputs, outputs and a generator that returns (inputs, outputs), or
    "normal", which is `weight_init_std`, as is None. Outputs are a weight's channels, and inputs the entries of each,
    or its `fan_in`. `bias_init` is a number for all biases, or one for each layer; None is 0. With `bias_init_std`
    they are drawn with that standard deviation about it, each layer's from a stream of its own.

    Units are drawn one after the other, so that a wider layer begins with the units of a narrower one, unless its rule
    goes by the outputs. Raises SettingError.
    """
    arrays: dict[str, Array] = {}
    if not _is_float(dtype):
        raise SettingError([f"'dtype' must be 'float64' or 'float32': {dtype!r}"], "network")
    arrays_of_all = (each for place in placed for each in (*place.params, *place.buffers))
    if any(math.prod(each.shape) > sys.maxsize // 16 for each in arrays_of_all):  # more bytes than have an address
        raise MemoryError
    without_rule = [place for place in placed if any(param.init is None for param in place.params)]
    rules = _spread("weight_init", "normal" if weight_init is None else weight_init, without_rule)
    spread = 0.0 if bias_init_std is None else bias_init_std
    if not _is_number(spread) or not 0 <= spread < np.inf:
        raise SettingError([f"'bias_init_std' must be a finite number >= 0: {spread!r}"], "network")
    biases = _spread("bias_init", 0.0 if bias_init is None else bias_init, without_rule)
    for place in placed:
        for param in place.params:
            init = param.init
            more = () if param.name in {"W", "b"} else (param.name,)
            if param.is_weight:
                rule = rules[place.index] if init is None else init
                name, wanted = ("weight_init_std", weight_init_std) if rule == "normal" else ("weight_init", rule)
                draw = Stream(seed, ("weights", place.number, *more)).generator()
                found = np.ascontiguousarray(_draw_weights(name, wanted, param, draw), dtype=dtype)
            else:
                number = biases[place.index] if init is None else init
                found = _fill("bias_init" if init is None else f"{param.name} of {place.label}", number, param, dtype)
                if init is None and spread:
                    draw = Stream(seed, ("biases", place.number, *more)).generator()
                    found += (spread * draw.standard_normal(param.shape)).astype(dtype)
            arrays[place.name(param.name)] = found
    return arrays


def initialize_buffers(placed: Sequence[PlacedLayer], dtype: str = "float64") -> dict[str, Array]:
    """Return the buffers of all layers before anything was trained."""
    return {
        place.name(each.name): _fill(f"{each.name} of {place.label}", each.init or 0.0, each, dtype)
        for place in placed
        for each in place.buffers
    }


def _fill(name: str, number: Any, param: Param, dtype: str) -> Array:
    if not _is_number(number) or not np.isfinite(number):
        raise SettingError([f"{name!r} must be a finite number: {number!r}"], "network")
    return np.full(param.shape, float(number), dtype=dtype)


def _spread(name: str, given: Any, layers: Sequence[PlacedLayer]) -> dict[int, Any]:
    """Return the value of each layer by its index."""
    each = list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given] * len(layers)
    if len(each) != len(layers):
        what = f"one for each of the {len(layers)} layers {', '.join(place.label for place in layers)}"
        raise SettingError([f"{name!r} must be one, or {what}: {each}"], "network")
    return {place.index: value for place, value in zip(layers, each, strict=True)}


def _draw_weights(name: str, rule: Any, param: Param, draw: np.random.Generator) -> Array:
    """Return a weight's entries, drawn as a matrix (inputs, outputs)."""
    axis, rest = param.channel_axis or 0, list(param.shape)
    outputs = rest.pop(axis)
    inputs = param.fan_in or math.prod(rest)
    matrix = _draw_matrix(name, rule, inputs, math.prod(param.shape) // inputs, draw)
    return np.moveaxis(matrix.T.reshape(outputs, *rest), 0, axis)


def _draw_matrix(name: str, rule: Any, inputs: int, outputs: int, draw: np.random.Generator) -> Array:
    if callable(rule):
        found = np.asarray(rule(inputs, outputs, draw))
        if found.shape != (inputs, outputs) or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
            what = f"of shape {(inputs, outputs)}, not {found.dtype} of shape {found.shape}"
            raise SettingError([f"{name!r} must return finite numbers {what}"], "network")
        return found
    names = [*_DEVIATIONS, "orthogonal"] if name == "weight_init" else ["he", "xavier"]
    if not (0 <= rule < np.inf if _is_number(rule) else rule in names):
        options = ", ".join(map(repr, names[:-1]))
        raise SettingError([f"{name!r} must be >= 0, {options} or {names[-1]!r}: {rule!r}"], "network")
    draws = draw.standard_normal((outputs, inputs))
    if rule == "orthogonal":
        return _orthogonalize(draws.T)
    deviation = _DEVIATIONS[rule](inputs, outputs) if isinstance(rule, str) else rule
    return (float(deviation) * draws).T


def _orthogonalize(draws: Array) -> Array:
    """Return columns, or where there are fewer of them rows, of length 1 at right angles, uniformly distributed."""
    if draws.shape[0] < draws.shape[1]:
        return _orthogonalize(draws.T).T
    q, r = np.linalg.qr(draws)
    return np.asarray(q * np.where(np.diagonal(r) < 0, -1.0, 1.0))


def _is_float(dtype: Any) -> bool:
    try:
        return bool(np.dtype(dtype).kind == "f" and np.dtype(dtype).itemsize > 2)  # float16 has no room for 1 / eps
    except TypeError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
