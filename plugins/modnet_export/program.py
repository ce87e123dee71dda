"""Networks as programs: a step for each call of the array API standard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

import attrs
import numpy as np

from modnet import Array, PlacedLayer, PluginError, Stream
from modnet.text import format_error, printable
from modnet_export.tracing import Step, Trace, Traced, UntraceableError, Value, call

ONE, OTHER = 2, 3  # numbers of samples that a network is traced for: what differs between them is of the samples
ADVICE = "write it by functions of the array API standard, or export --to safetensors, which has the parameters alone"
OTHERWISE = "computes otherwise for another number of samples"
CLOSE = {4: 1e-4, 8: 1e-9}  # by the bytes of a number, of the largest one: sums are rounded in another order


@attrs.frozen
class Batch:
    """So many times the number of samples."""

    factor: int


@attrs.frozen
class Program:
    """The steps from samples `x` (N, *inputs) to the outputs of a network, for any number of samples."""

    steps: tuple[Step, ...]
    constants: Mapping[str, Array]
    """The parameters and buffers that are used, by their names, and other arrays."""
    output: str
    parts: tuple[str, ...]
    """The names of the layers, from the first on."""

    def run(self, x: Array) -> Array:
        """Return the outputs (N, outputs) for samples in the network's dtype."""
        known: dict[str, Array] = {"x": x, **self.constants}
        for step in self.steps:
            arguments = {name: fill(value, known, len(x)) for name, value in step.arguments.items()}
            known[step.result] = call(step.function, arguments)
        return known[self.output]


def fill(item: Any, known: Mapping[str, Any], samples: Any) -> Any:
    """Return an argument of a step with arrays in place of their names, and the number of samples."""
    match item:
        case Value():
            return known[item.name]
        case Batch():
            return item.factor * samples
        case tuple():
            return tuple(fill(each, known, samples) for each in item)
        case slice():
            return slice(*(fill(each, known, samples) for each in (item.start, item.stop, item.step)))
    return item


def trace_network(network: Any) -> Program:
    """Return the program of a network's predictions; raises PluginError for a part that has none, by its name."""
    generator = np.random.default_rng(0)
    samples = generator.normal(size=(ONE + OTHER, *network.shape)).astype(network.dtype)
    with np.errstate(all="ignore"):
        one, output = _trace(network, samples[:ONE])
        other, _ = _trace(network, samples[ONE:])
    for first, second in zip_longest(one.steps, other.steps):
        if not (first and second) or (first.function, first.layer) != (second.function, second.layer):
            layer = min(step.layer for step in (first, second) if step)
            raise refuse(network.placed[layer - 1], OTHERWISE)
    pairs = zip(one.steps, other.steps, strict=True)
    steps = _drop_unused([_unite(network, one, other, *pair) for pair in pairs], output)
    used = {value.name for step in steps for value in list_values(step.arguments)}
    constants = {name: value for name, value in one.constants.items() if name in used}
    program = Program(steps, constants, output, tuple(describe(place) for place in network.placed))
    expected = network.predict(samples)
    if not is_close(program.run(samples), expected):
        raise refuse(network.placed[-1], "predicts other numbers than its exported steps")
    return program


def is_close(found: Array, expected: Array) -> bool:
    """Say whether numbers are the same but for rounding."""
    size = np.nanmax(abs(expected), initial=1.0, where=np.isfinite(expected))
    bound = CLOSE[min(8, expected.dtype.itemsize)] * float(size)
    return found.shape == expected.shape and bool(np.allclose(found, expected, 0, bound, equal_nan=True))


def list_values(item: Any) -> list[Value]:
    """Return the arrays among arguments."""
    match item:
        case Value():
            return [item]
        case dict():
            return [value for each in item.values() for value in list_values(each)]
        case tuple():
            return [value for each in item for value in list_values(each)]
        case slice():
            return list_values((item.start, item.stop, item.step))
    return []


def has_batch(item: Any) -> bool:
    """Say whether arguments depend on the number of samples."""
    match item:
        case Batch():
            return True
        case dict():
            return any(map(has_batch, item.values()))
        case tuple():
            return any(map(has_batch, item))
        case slice():
            return has_batch((item.start, item.stop, item.step))
    return False


def describe(place: PlacedLayer) -> str:
    """Return the name of a layer in a program."""
    part = place.layer.activation or place.layer
    return type(part).__name__


def _trace(network: Any, x: Array) -> tuple[Trace, str]:
    """Return the trace of some samples, and the name of the outputs in it."""
    trace, arrays = Trace(), network.arrays
    trace.constants.update(arrays)
    z = trace.create("x", x)
    for place in network.placed:
        trace.layer = place.index
        z = _run_layer(place, arrays, z, network.seed)
    return trace, z.name


def _run_layer(place: PlacedLayer, arrays: Mapping[str, Array], x: Traced, seed: int) -> Traced:
    """Return a layer's traced outputs; raises PluginError where there are none, or others than of NumPy's arrays."""
    own = {param.name: place.name(param.name) for param in (*place.params, *place.buffers)}
    traced: Any = {name: x.trace.create(full, arrays[full]) for name, full in own.items()}
    stream = Stream(seed, ("layers",)).child(place.index)
    known = find_operator(place)
    try:
        samples: Any = x
        z: Any = known(place, traced, x) if known else place.layer.forward(traced, samples, "predict", stream)[0]
    except UntraceableError as error:
        raise refuse(place, str(error)) from None
    except Exception as error:
        what = printable(format_error(error), 200)
        raise refuse(place, f"fails where its inputs are no arrays of NumPy ({what})") from error
    if not isinstance(z, Traced):
        raise refuse(place, f"returns a {type(z).__name__} where its inputs are no arrays of NumPy")
    z = z if z.dtype == x.dtype else z.astype(x.dtype)
    expected = place.layer.forward({name: arrays[full] for name, full in own.items()}, x.value, "predict", stream)[0]
    if not is_close(z.value, np.asarray(expected, x.dtype)):
        raise refuse(place, "computes other numbers where its inputs are no arrays of NumPy")
    found: Traced = z
    return found


def _unite(network: Any, one: Trace, other: Trace, first: Step, second: Step) -> Step:
    """Return a step for any number of samples from that of two traces; raises PluginError where they differ."""
    place = network.placed[first.layer - 1]

    def unite(a: Any, b: Any) -> Any:
        match a, b:
            case Value(), Value():
                if a.name == b.name and (a.name not in one.constants or _are_same(one, other, a.name)):
                    return a
            case dict(), dict() if a.keys() == b.keys():
                return {name: unite(a[name], b[name]) for name in a}
            case tuple(), tuple() if len(a) == len(b):
                return tuple(unite(*pair) for pair in zip(a, b, strict=True))
            case slice(), slice():
                return slice(*(unite(getattr(a, name), getattr(b, name)) for name in ("start", "stop", "step")))
            case _ if type(a) is type(b) and (a == b or a != a):  # NaN
                return a
            case int(), int() if a * OTHER == b * ONE:
                return Batch(a // ONE)
        raise refuse(place, OTHERWISE)

    return attrs.evolve(first, arguments=unite(first.arguments, second.arguments))


def _drop_unused(steps: list[Step], output: str) -> tuple[Step, ...]:
    """Return the steps that the outputs need: what layers remember for training is none."""
    needed, found = {output}, list[Step]()
    for step in reversed(steps):
        if step.result in needed:
            needed |= {value.name for value in list_values(step.arguments)}
            found.insert(0, step)
    return tuple(found)


def _are_same(one: Trace, other: Trace, name: str) -> bool:
    a, b = one.constants[name], other.constants[name]
    return a is b or (a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def refuse(place: PlacedLayer, what: str) -> PluginError:
    """Return the error of a layer that cannot be exported."""
    part = place.layer.activation or place.layer
    return PluginError(f"{place.label}: {part!r} cannot be exported, it {what}", ADVICE, part=part)


Operator = Callable[[PlacedLayer, Mapping[str, Traced], Traced], Traced]


def find_operator(place: PlacedLayer) -> Operator | None:
    """Return how a layer is traced that formats know by name, or None of all others."""
    cls = type(place.layer)
    return _KNOWN.get((cls.__module__, cls.__qualname__))


def _to_pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _convolve(place: PlacedLayer, params: Mapping[str, Traced], x: Traced) -> Traced:
    layer: Any = place.layer
    size, stride = _to_pair(layer.size), _to_pair(layer.stride)
    if layer.padding == "same":
        needed = [
            max(0, (n - 1) * s + k - m)
            for n, s, k, m in zip(place.outputs[1:], stride, size, place.inputs[1:], strict=True)
        ]
        padding = tuple((n // 2, n - n // 2) for n in needed)
    else:
        padding = tuple((n, n) for n in _to_pair(layer.padding))
    z = x.trace.call("convolve", x, params["W"], stride, padding)
    return z + params["b"].reshape(-1, 1, 1) if layer.bias else z


def _pool(place: PlacedLayer, _: Mapping[str, Traced], x: Traced) -> Traced:
    layer: Any = place.layer
    return x.trace.call("pool_largest", x, _to_pair(layer.size), _to_pair(layer.stride or layer.size))


_KNOWN: dict[tuple[str, str], Operator] = {
    ("modnet_layers.convolution", "Convolution"): _convolve,
    ("modnet_layers.max_pool", "MaxPool"): _pool,
}
