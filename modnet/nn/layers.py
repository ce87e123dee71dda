"""Layers placed in a network, and the pass through one of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from modnet.errors import NoDerivativeError, PluginError, SettingError, ShapeError
from modnet.interfaces import DenseLayer, Layer, Param, PlacedLayer, name_of
from modnet.nn.arrays import copy_array, count_writes, get_dtype, get_namespace, to_numpy
from modnet.nn.validation import check_unwritten, describe_returned, validate_array, validate_arrays
from modnet.randomness import Stream
from modnet.types import Array, Grads, Mode, Params, Shape


def place_layers(layers: Sequence[Layer], shape: Shape) -> tuple[PlacedLayer, ...]:
    """Return layers at their places in a network for samples of some shape; raises ShapeError with the layer.

    Dense layers with an activation each are numbered in pairs, as if each pair were one.
    """
    placed: list[PlacedLayer] = []
    used: dict[str, int] = {}
    in_pairs = len(layers) % 2 == 0 and all(
        one.is_dense and two.activation is not None for one, two in zip(layers[::2], layers[1::2], strict=True)
    )
    for index, layer in enumerate(layers, start=1):
        label = f"layer {(index + 1) // 2}" if in_pairs else f"layer {index} ({_describe(layer)})"
        try:
            outputs = _check_shape(layer.shape(shape), layer)
        except ShapeError as error:
            raise ShapeError(f"{label} {error}") from None
        if layer.elementwise and outputs != shape:
            what = f"{layer!r} says that it is elementwise, and gives outputs {outputs} for inputs {shape}"
            raise PluginError(what, "these are the same where it is", part=layer)
        params, buffers = (_check_params(given, layer) for given in (layer.params(shape), layer.buffers(shape)))
        names = _check_names([*params, *buffers], layer)
        number = max((used.get(name, 0) for name in names), default=0) + 1
        used |= dict.fromkeys(names, number)
        placed.append(PlacedLayer(index, number, label, layer, shape, outputs, params, buffers))
        shape = outputs
    if not placed or placed[-1].layer.activation is None or len(shape) != 1:
        found = f"{placed[-1].label} with outputs {shape}: put flatten and dense before it" if placed else "no layer"
        raise SettingError([f"must end with an activation of one row of numbers, found {found}"], "layers")
    return tuple(placed)


def find_dense_layers(placed: Sequence[PlacedLayer]) -> tuple[DenseLayer, ...]:
    """Return the dense layers, each with its activation, that a network ends with: none of them where it has others."""
    found: list[DenseLayer] = []
    for dense, after in zip(placed[-2::-2], placed[::-2], strict=False):
        activation = after.layer.activation
        if not dense.layer.is_dense or activation is None:
            break
        found.insert(0, DenseLayer(dense.number, dense.inputs[0], dense.outputs[0], activation))
    return tuple(found)


def _describe(layer: Layer) -> str:
    return name_of(layer if layer.activation is None else layer.activation)


def _check_shape(given: Any, layer: Layer, what: str = "its outputs have") -> Shape:
    sizes: Any = given if isinstance(given, tuple) else (0,)
    if not all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes):
        expected = "a tuple of whole numbers > 0 is expected"
        raise PluginError(f"{layer!r} says {what} the shape {given!r}", expected, part=layer)
    return tuple(int(n) for n in sizes)


def _check_params(given: Any, layer: Layer) -> tuple[Param, ...]:
    is_good = isinstance(given, (tuple, list)) and all(isinstance(each, Param) for each in given)
    if not is_good or not all(isinstance(param.name, str) for param in given):
        what = f"{layer!r} has the parameters, or buffers, {given!r}"
        raise PluginError(what, "a tuple of modnet.Param, each with a name, is expected", part=layer)
    for param in given:
        axes, axis = len(_check_shape(param.shape, layer, f"{param.name} has")), param.channel_axis or 0
        if param.is_weight and (not -axes <= axis < axes or math.prod(param.shape) % (param.fan_in or 1)):
            what = f"{layer!r} has {param}"
            raise PluginError(what, "channel_axis must be one of its axes, and fan_in divide its entries", part=layer)
    return tuple(given)


def _check_names(params: Sequence[Param], layer: Layer) -> list[str]:
    names = [param.name for param in params]
    if len(set(names)) != len(names) or not all(re.fullmatch("[A-Za-z_]*[A-Za-z]", name) for name in names):
        what = f"{layer!r} has arrays of the names {', '.join(map(str, names))}"
        raise PluginError(what, "each needs a name of its own, of letters", part=layer)
    return names


def run_layer(place: PlacedLayer, own: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
    """Return what a layer's `forward` returns; raises PluginError where that does not fit what it says of itself."""
    part = place.layer.activation or place.layer
    writes = count_writes(x)
    result: Any = place.layer.forward(own, x, mode, stream.child(place.index))
    check_unwritten(x, writes, part)
    if not isinstance(result, tuple) or len(result) != 2:
        raise describe_returned(part, result, "the outputs and a memo are expected")
    z = validate_array(result[0], x, part, (x.shape[0], *place.outputs))
    return z if z.dtype == x.dtype else z.astype(x.dtype), result[1]


def update_buffers(place: PlacedLayer, own: Params, x: Array, memo: Any) -> dict[str, Array]:
    """Return a layer's buffers after a batch of training, by their names in the network; raises PluginError."""
    before = {param.name: own[param.name] for param in place.buffers}
    after = validate_arrays(place.layer.update(own, x, memo), before, place.layer)
    return {place.name(name): value for name, value in after.items()}


def pass_back(
    place: PlacedLayer, own: Params, x: Array, z: Array, memo: Any, dz: Array, mode: Mode, stream: Stream
) -> Array:
    """Return the loss's derivative by a layer's inputs: its own backward pass, or else the central difference of it."""
    layer = place.layer
    try:
        return validate_array(layer.backward(own, x, z, memo, dz), x, layer.activation or layer)
    except NoDerivativeError:
        pass

    def run(moved: Array) -> Array:
        return run_layer(place, own, moved, mode, stream)[0]

    if layer.elementwise:
        h = default_step(get_dtype(x))
        slope: Array = (run(x + h) - run(x - h)) / (2 * h)
        return dz * slope
    couples_samples = layer.couples_samples and mode == "train"
    if not couples_samples:
        moved = copy_array(x)
        moved[:1, ...] += default_step(get_dtype(x))
        if not np.array_equal(to_numpy(run(moved))[1:], to_numpy(z)[1:], equal_nan=True):
            what = f"the inputs of a sample move the outputs of another one in {layer!r}"
            raise PluginError(what, "it must say so: couples_samples = True", part=layer)
    if x.ndim == 2 and not couples_samples:
        columns = [_sum_samples(dz * column) for column in compute_partial_differences(run, x)]
        stacked: Array = get_namespace(x).stack(columns, axis=-1)
        return stacked
    return _measure(run, x, dz, whole=couples_samples)


def find_gradients(
    place: PlacedLayer, own: Params, x: Array, z: Array, memo: Any, dz: Array, mode: Mode, stream: Stream
) -> Grads:
    """Return the loss's derivative by each of a layer's parameters: its own, or else the central difference of it."""
    layer, params = place.layer, {param.name: own[param.name] for param in place.params}
    try:
        writes = count_writes(dz)
        grads = validate_arrays(layer.gradients(own, x, z, memo, dz), params, layer)
    except NoDerivativeError:
        pass
    else:
        check_unwritten(dz, writes, layer)
        return grads

    def run_with(name: str) -> Callable[[Array], Array]:
        return lambda moved: run_layer(place, {**own, name: moved}, x, mode, stream)[0]

    return {name: _measure(run_with(name), value, dz, whole=True) for name, value in params.items()}


def _sum_samples(values: Array) -> Array:
    sums: Array = get_namespace(values).sum(values, axis=tuple(range(1, values.ndim)))
    return sums


def _measure(run: Callable[[Array], Array], x: Array, dz: Array, *, whole: bool) -> Array:
    """Return the loss's derivative by each number of `x` by central differences of `run`; or of each of its samples."""
    xp, h = get_namespace(x), default_step(get_dtype(x))
    found: Array = xp.empty_like(x)
    for index in np.ndindex(x.shape if whole else x.shape[1:]):
        at = index if whole else (slice(None), *index)
        above, below = copy_array(x), copy_array(x)
        above[at] += h
        below[at] -= h
        change = dz * (run(above) - run(below))
        found[at] = (xp.sum(change) if whole else _sum_samples(change)) / (2 * h)
    return found


def default_step(dtype: Any) -> float:
    """Return the step h of central differences in a dtype: the book's 1e-4, or the cube root of eps where it is larger.

    The cube root balances the truncation error, of order h², and the round-off error, of order eps / h.
    Press et al., "Numerical Recipes", eq. 5.7.8; Saitoh, "Deep Learning from Scratch", chapter 4.3.1.

    >>> default_step("float64"), round(default_step("float32"), 4)
    (0.0001, 0.0049)
    """
    return max(1e-4, float(np.cbrt(np.finfo(dtype).eps)))


def compute_partial_differences(f: Callable[[Array], Array], a: Array) -> Iterator[Array]:
    """Yield (f(a + h e_k) - f(a - h e_k)) / 2h for each position k along the last axis, for all others at once.

    `f` treats these independently, as an activation and a loss treat samples.

    >>> differences = compute_partial_differences(lambda a: (a**2).sum(axis=-1), np.array([[3.0, 4.0]]))
    >>> [difference.round(6).tolist() for difference in differences]
    [[6.0], [8.0]]
    """
    h = default_step(get_dtype(a))
    for k in range(a.shape[-1]):
        shift: Array = get_namespace(a).zeros_like(a)
        shift[..., k] = h
        yield (f(a + shift) - f(a - shift)) / (2 * h)
