"""Initial weights and biases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from modnet.errors import SettingError
from modnet.interfaces import DenseLayer
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
    layers: Sequence[DenseLayer],
    weight_init_std: WeightInitStd = 0.01,
    seed: int = 0,
    dtype: str = "float64",
    weight_init: WeightInit | Sequence[WeightInit] | None = None,
    bias_init: float | Sequence[float] | None = None,
) -> dict[str, Array]:
    """Return weights drawn from a normal distribution, each layer from its own stream, and biases.

    `weight_init` is a rule for all layers, or a list of one for each: a standard deviation, "he" (sqrt(2 / inputs), He
    et al. 2015, eq. 10), "xavier" (sqrt(2 / (inputs + outputs)), Glorot and Bengio 2010, eq. 12), "lecun" (1 /
    sqrt(inputs), LeCun et al. 1998, eq. 16), "orthogonal" (rows or columns of length 1 at right angles, Saxe et al.
    2014), a function of inputs, outputs and a generator that returns (inputs, outputs), or "normal", which is
    `weight_init_std`, as is None. `bias_init` is a number for all biases, or one for each layer; None is 0.

    Units are drawn one after the other, so that a wider layer begins with the units of a narrower one, unless its rule
    goes by the outputs. Raises SettingError.
    """
    params: dict[str, Array] = {}
    rules = _spread("weight_init", "normal" if weight_init is None else weight_init, len(layers))
    biases = _spread("bias_init", 0.0 if bias_init is None else bias_init, len(layers))
    for layer, rule, bias in zip(layers, rules, biases, strict=True):
        draw = Stream(seed, ("weights", layer.number)).generator()
        name, wanted = ("weight_init_std", weight_init_std) if rule == "normal" else ("weight_init", rule)
        params[layer.weight] = np.ascontiguousarray(_draw_weights(name, wanted, layer, draw), dtype=dtype)
        if not _is_number(bias) or not np.isfinite(bias):
            raise SettingError([f"'bias_init' must be a finite number: {bias!r}"], "network")
        params[layer.bias] = np.full(layer.outputs, float(bias), dtype=dtype)
    return params


def _spread(name: str, given: Any, layers: int) -> list[Any]:
    each = list(given) if isinstance(given, (list, tuple)) else [given] * layers
    if len(each) != layers:
        raise SettingError([f"{name!r} must be one, or one for each of the {layers} layers: {each}"], "network")
    return each


def _draw_weights(name: str, rule: Any, layer: DenseLayer, draw: np.random.Generator) -> Array:
    inputs, outputs = layer.inputs, layer.outputs
    if callable(rule):
        found = np.asarray(rule(inputs, outputs, draw))
        if found.shape != (inputs, outputs) or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
            what = f"of shape {(inputs, outputs)}, not {found.dtype} of shape {found.shape}"
            raise SettingError([f"{name!r} must return finite numbers {what}"], "network")
        return found
    names = [*_DEVIATIONS, "orthogonal"] if name == "weight_init" else ["he", "xavier"]
    if not (rule >= 0 if _is_number(rule) else rule in names):
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


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
