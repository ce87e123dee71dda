"""Checks of layers."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from attrs.validators import instance_of

import modnet
from modnet.interfaces import Layer
from modnet.nn.checkpoint import Checkpoints
from modnet.randomness import Stream
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error
from modnet.testing.gradcheck.layers import (
    LayerCase,
    call_methods,
    draw_params,
    evaluate,
    judge_backward,
    judge_gradients,
    judge_ties,
    prepare,
)
from modnet.testing.gradcheck.smoothness import find_roughness
from modnet.testing.report import Report
from modnet.testing.suites.shared import DTYPES, NO_DERIVATIVE, add_other_arrays, add_shared, make_folder
from modnet.types import Array, Mode, Shape

# Shapes of samples that are tried, until some are found that the layer takes: rows, images, sequences.
SHAPES: tuple[Shape, ...] = ((6,), (2, 7, 6), (3, 12, 12), (4, 6), (1, 28, 28))
OTHER_SHAPES: tuple[Shape, ...] = ((1,), (7,), (3, 5), (1, 1, 1), (3, 7, 5), (2, 3, 4, 5))
MOST_SHAPES = 2
MODES: tuple[Mode, ...] = ("train", "predict")
SIZES = (1.0, 2.0**-10, 2.0**-25)  # of moves
MOVED = 24  # entries of an array that are moved at most, each by itself
RULES = ("he", "xavier", "lecun", "normal", "orthogonal")
NAME = re.compile("[A-Za-z_]*[A-Za-z]")
NO_CHANNELS = "none of its parameters says which of its axes counts channels"
NO_LINEAR = "it does not claim to be linear in a parameter"
NO_SLOPES = "it has no slopes"
NO_BUFFERS = "it has no buffers"
NO_PARAMS = "it has no parameters"
NO_STANDARD = "it does not claim to be a dense layer or an activation"
NOT_ELEMENTWISE = "it does not claim to be elementwise"
NO_PROMISE = "it does not promise to be smooth"
FAR = 2  # inputs up to here are tried for kinks
COUPLES = "it says that it couples samples"
REACHES_ALL = "it says that each input channel can move all outputs"


@attrs.frozen
class Subject:
    """A layer, and shapes of samples that it takes."""

    part: Layer
    shapes: tuple[Shape, ...]
    largest: float = attrs.field(default=1e4, validator=instance_of((int, float)))

    def batches(self, rows: int = 3) -> list[Array]:
        """Return a batch of each shape."""
        return [draw_batch(rows, shape) for shape in self.shapes]

    def cases(self, *modes: Mode) -> list[Inputs]:
        """Return a batch of each shape, in each mode."""
        return [{"x": x, "mode": mode} for x in self.batches() for mode in modes or MODES]


def create_subject(part: Layer, *, shape: Any = None, **options: Any) -> Subject:
    """Return the subject; `shape` is that of one sample, by default those that the layer takes of some."""
    if shape is not None:
        is_shape = isinstance(shape, (list, tuple)) and len(shape) > 0
        if not is_shape or not all(type(n) is int and n > 0 for n in shape):
            raise modnet.SettingError([f"expected the lengths of a sample's axes, as in [2, 6, 6], found {shape!r}"])
        return Subject(part, (tuple(shape),), **options)
    refused = {each: catch_error(lambda part, each: part.shape(each), part, {"each": each}) for each in SHAPES}
    taken = [each for each, error in refused.items() if not isinstance(error, modnet.ShapeError)]
    return Subject(part, tuple(taken[:MOST_SHAPES]), **options)


LAYERS = '["$name", "flatten", {name = "dense", units = 10}, "softmax"]'
SUITE = Suite(
    "layer", create_subject, use=f"--set 'network.layers={LAYERS}' --gradient backpropagation --iterations 200"
)


def check_layer(part: object, *, shape: Any = None, largest: float = 1e4, raises: bool = True) -> Report:
    """Check a layer: an instance, or a name.

    `shape` is that of one sample, as in (2, 6, 6); by default it is tried on rows and on images that it takes.
    `largest` is the magnitude of inputs up to which outputs and derivatives must be finite. Returns a report; raises
    ConformanceError, an AssertionError with all of its text, where the part does not pass, unless `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, shape=shape, largest=largest, raises=raises)


def draw_batch(rows: int, shape: Shape, dtype: str = "float64") -> Array:
    """Return a batch of samples of both signs."""
    draw = Stream(0, ("layer", *shape)).generator()
    return np.asarray(draw.standard_normal((rows, *shape))).astype(dtype)


def use_layer(part: Any, x: Any, mode: Mode) -> Any:
    """Call all methods of a layer."""
    return call_methods(part, mode, **prepare(part, x, mode))


def shared_cases(subject: Subject) -> Iterator[Inputs]:
    """Yield the inputs of the shared probes."""
    for mode, x, other in zip(MODES, subject.batches() * 2, subject.batches(2)[::-1] * 2, strict=False):
        yield {"use": use_layer, "inputs": {"x": x, "mode": mode}, "other": {"x": other, "mode": MODES[0]}}


def skip(reason: str) -> list[Inputs]:
    """Raise SkippedError."""
    raise SkippedError(reason)


def list_arrays(subject: Subject, which: str) -> list[modnet.Param]:
    """Return the parameters, or buffers, for the first of the shapes; none where it raises, which a check finds."""
    found: list[modnet.Param] = []
    for shape in subject.shapes[:1]:
        catch_error(lambda part, shape: found.extend(getattr(part, which)(shape)), subject.part, {"shape": shape})
    return found


@SUITE.check(lambda subject: [{"shape": shape} for shape in subject.shapes] or [{"shape": None}])
def takes(part: Any, shape: Any) -> None:
    """It takes samples of some shape, or of the one that is named, and says which shape its outputs have."""
    tried = "(6,), (2, 7, 6), (3, 12, 12), (4, 6) or (1, 28, 28)"
    assert shape is not None, f"it takes no samples of shape {tried}: name one that it takes, shape=[...]"
    found = part.shape(shape)
    is_shape = isinstance(found, tuple) and len(found) and all(isinstance(n, int) and n > 0 for n in found)
    assert is_shape, f"samples {shape} are to give {found!r}, which is no shape of a sample"


@SUITE.check(lambda subject: [{"shape": shape} for shape in subject.shapes])
def arrays(part: Any, shape: Any) -> None:
    """Parameters and buffers have names of their own, of letters, shapes, and numbers to begin with."""
    params, buffers = part.params(shape), part.buffers(shape)
    names = [array.name for array in (*params, *buffers)]
    assert len(set(names)) == len(names), f"a name is there twice: {names}"
    for array in (*params, *buffers):
        assert NAME.fullmatch(array.name), f"its name is {array.name!r}"
        lengths = array.shape
        is_shape = isinstance(lengths, tuple) and all(isinstance(n, int) and n > 0 for n in lengths)
        assert is_shape, f"{array.name} has the shape {lengths!r}"
        is_number = isinstance(array.init, (int, float)) and math.isfinite(array.init)
        may_be_none = array in params and array.init is None
        may_be_rule = array in params and array.is_weight and array.init in RULES
        words = "a number, or of a weight, whose name begins with W, a rule such as 'he'"
        assert is_number or may_be_none or may_be_rule, f"{array.name} begins with {array.init!r}: give it {words}"
        axis = array.channel_axis
        assert axis is None or -len(lengths) <= axis < len(lengths), f"{array.name} has no axis {axis}"


def of_each_size(subject: Subject) -> Iterator[Inputs]:
    """Yield batches of many samples, of one and of none; one that couples samples trains on none of no size."""
    for shape in subject.shapes:
        for dtype in DTYPES:
            for mode in MODES:
                for rows in (3, 1) if mode == "train" and subject.part.couples_samples else (3, 1, 0):
                    yield {"x": draw_batch(rows, shape, dtype), "mode": mode}


@SUITE.check(of_each_size)
def shape_and_dtype(part: Any, x: Any, mode: Mode) -> None:
    """`forward` returns a pair: outputs of the shape that `shape` says, in the dtype of the inputs, and a memo."""
    result = part.forward(draw_params(part, x), x, mode, modnet.Stream(3))
    assert isinstance(result, tuple), f"it returns {type(result).__name__}, not a pair (z, memo)"
    (z, _), shape = result, (len(x), *part.shape(x.shape[1:]))
    assert (z.shape, z.dtype) == (shape, x.dtype), f"{x.dtype} {x.shape} gives {z.dtype} {z.shape}, not {shape}"


@SUITE.check(of_each_size)
def derivatives(part: Any, x: Any, mode: Mode) -> None:
    """`backward` and `gradients` return arrays of the shapes and dtypes of what they are derivatives by."""
    given = prepare(part, x, mode)
    found = call_methods(part, mode, **given)
    slopes = {"x": found.get("backward", x), **found.get("gradients", {})}
    for name, array in {"x": x, **given["params"]}.items():
        kinds = [f"{each.dtype} {each.shape}" for each in (array, slopes.get(name, array))]
        assert kinds[0] == kinds[1], f"of {name}, {kinds[0]}, the derivative is {kinds[1]}"


@SUITE.check(lambda _: [{"shape": shape} for shape in OTHER_SHAPES])
def shape_refused(part: Any, shape: Any) -> None:
    """Samples of a shape that it cannot take are refused by `shape` with a ShapeError; any other it takes."""
    try:
        outputs = part.shape(shape)
    except modnet.ShapeError:
        return
    x = np.cos(np.arange(3 * np.prod(shape))).reshape(3, *shape)
    found = evaluate(part, draw_params(part, x), x, "train").shape
    assert found == (3, *outputs), f"samples {shape} are to give {outputs}, and give {found[1:]}"


def moved_params(subject: Subject) -> list[Inputs]:
    """Return cases for a layer with a parameter whose axis counts channels; raises SkippedError for any other."""
    if all(param.channel_axis is None for param in list_arrays(subject, "params")):
        raise SkippedError(NO_CHANNELS)
    return subject.cases()


@SUITE.check(moved_params, NO_CHANNELS)
def channel_axis(part: Any, x: Any, mode: Mode) -> None:
    """An entry of a parameter with a `channel_axis` moves nothing but the output channel that it belongs to."""
    params = draw_params(part, x)
    z = evaluate(part, params, x, mode)
    for param in part.params(x.shape[1:]):
        if param.channel_axis is None:
            continue
        count = param.shape[param.channel_axis]
        assert count == z.shape[1], f"{param.name} has {count} channels on its axis, the outputs {z.shape[1]}"
        for index in list(np.ndindex(param.shape))[:: max(1, int(np.prod(param.shape)) // MOVED)]:
            moved = params[param.name].copy()
            moved[index] += 0.5
            others = ~np.isclose(evaluate(part, {**params, param.name: moved}, x, mode), z, rtol=1e-9, atol=1e-9)
            others[:, index[param.channel_axis]] = False
            assert not others.any(), f"{param.name}{list(index)} moves channel {int(np.argwhere(others)[0][1])}"


def linear_params(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that is linear in a parameter; raises SkippedError for any other."""
    if not any(param.linear for param in list_arrays(subject, "params")):
        raise SkippedError(NO_LINEAR)
    return subject.cases()


@SUITE.check(linear_params, NO_LINEAR)
def linear(part: Any, x: Any, mode: Mode) -> None:
    """The outputs are linear in the entries of each parameter that says so: steps to both sides change them alike."""
    params = draw_params(part, x)
    z = evaluate(part, params, x, mode)
    for param in (each for each in part.params(x.shape[1:]) if each.linear):
        step = np.cos(np.arange(np.prod(param.shape))).reshape(param.shape)
        both = [evaluate(part, {**params, param.name: params[param.name] + s * step}, x, mode) for s in (-1, 1)]
        message = f"the outputs are not linear in {param.name}"
        np.testing.assert_allclose(both[1] - z, z - both[0], rtol=1e-9, atol=1e-9, err_msg=message)


def sloped_params(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that has slopes; raises SkippedError for any other."""
    names = [param.name for param in list_arrays(subject, "params") if param.linear and param.channel_axis is not None]
    if not names:
        raise SkippedError(NO_SLOPES)
    error = catch_error(call_slopes, subject.part, {"x": subject.batches()[0], "name": names[0]})
    if isinstance(error, modnet.NoDerivativeError):  # any other is for the probe to find
        raise SkippedError(NO_SLOPES)
    return subject.cases()


def call_slopes(part: Any, x: Any, name: str) -> None:
    """Ask a layer for slopes."""
    given = prepare(part, x, "train")
    part.slopes(given["params"], given["x"], given["memo"], name, 0)


@SUITE.check(sloped_params, NO_SLOPES)
def slopes(part: Any, x: Any, mode: Mode) -> None:
    """`slopes` gives what moving each entry of a channel by 1 gives, in the parameter's own order."""
    params = draw_params(part, x)
    z, memo = part.forward(params, x, mode, modnet.Stream(3))
    for param in part.params(x.shape[1:]):
        if not param.linear or param.channel_axis is None:
            continue
        for channel in (0, z.shape[1] - 1):
            found = part.slopes(params, x, memo, param.name, channel)
            at = [i for i in np.ndindex(param.shape) if i[param.channel_axis] == channel]
            expected = (len(at), len(x), *z.shape[2:])
            assert found.shape == expected, f"slopes of {param.name} have the shape {found.shape}, not {expected}"
            for entry, index in list(enumerate(at))[:: max(1, len(at) // MOVED)]:
                moved = params[param.name].copy()
                moved[index] += 1
                change = (evaluate(part, {**params, param.name: moved}, x, mode) - z)[:, channel]
                message = f"slopes of {param.name}{list(index)}"
                np.testing.assert_allclose(found[entry], change, rtol=1e-9, atol=1e-9, err_msg=message)


def each_input(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that claims to be elementwise; raises SkippedError for any other."""
    return subject.cases() if subject.part.elementwise else skip(NOT_ELEMENTWISE)


@SUITE.check(each_input, NOT_ELEMENTWISE)
def elementwise(part: Any, x: Any, mode: Mode) -> None:
    """If it claims to be elementwise, no output depends on an input at another place."""
    params = draw_params(part, x)
    z = evaluate(part, params, x, mode)
    assert z.shape == x.shape, f"the inputs have the shape {x.shape}, the outputs {z.shape}"
    for index in list(np.ndindex(x.shape))[:: max(1, x.size // MOVED)]:
        moved = x.copy()
        moved[index] += 1
        others = ~np.isclose(evaluate(part, params, moved, mode), z, rtol=1e-9, atol=1e-9)
        others[index] = False
        assert not others.any(), f"input {index} moves output {tuple(int(i) for i in np.argwhere(others)[0])}"


def between_kinks(subject: Subject) -> Iterator[Inputs]:
    """Yield what lies between two kinks, in both modes; raises SkippedError for a layer that promises nothing."""
    promised = subject.part.kinks
    if promised is None:
        raise SkippedError(NO_PROMISE)
    far = min(subject.largest, FAR)
    edges = [-far, *sorted({float(kink) for kink in promised if -far < kink < far}), far]
    for case in subject.cases()[: len(MODES)]:
        for low, high in pairwise(edges):
            yield {**case, "low": low, "high": high}


@SUITE.check(between_kinks, NO_PROMISE)
def kinks(part: Any, x: Any, mode: Mode, low: float, high: float) -> None:
    """If it promises to be smooth, or to have kinks at some inputs alone, its outputs follow polynomials in between."""
    params, first = draw_params(part, x), (0,) * x.ndim

    def outputs(places: Any) -> Any:
        found = []
        for place in places:
            moved = x.copy()
            moved[first] = place
            found.append(evaluate(part, params, moved, mode).reshape(-1))
        return np.stack(found)

    place = find_roughness(outputs, low, high)
    promised = f"promises kinks at {part.kinks} alone: add the place, or kinks = None promises nothing"
    assert place is None, f"it is not smooth to rounding near x = {place:.6g}, and {promised}"


def each_sample(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that treats samples alone; raises SkippedError for one that couples them."""
    return skip(COUPLES) if subject.part.couples_samples else subject.cases("train")


@SUITE.check(each_sample, COUPLES)
def couples_samples(part: Any, x: Any, mode: Mode) -> None:
    """In training no sample moves the outputs of another one, unless it says `couples_samples`."""
    params = draw_params(part, x)
    z = evaluate(part, params, x, mode)
    for row in range(len(x)):
        moved = x.copy()
        moved[row] = moved[row][::-1] + 1
        change = np.abs(np.delete(evaluate(part, params, moved, mode) - z, row, axis=0)).max(initial=0)
        assert change < 1e-9, f"sample {row} moves the outputs of others by up to {change:.3g}"


@SUITE.check(lambda subject: [{"x": x} for x in subject.batches(4)])
def rows(part: Any, x: Any) -> None:
    """In predict mode a batch gives what its samples give one by one."""
    params = draw_params(part, x)
    alone = [evaluate(part, params, x[i : i + 1], "predict")[0] for i in range(len(x))]
    np.testing.assert_allclose(evaluate(part, params, x, "predict"), np.stack(alone), rtol=1e-9, atol=1e-9)


@SUITE.check(lambda subject: [{"x": x} for x in subject.batches()])
def predicts(part: Any, x: Any) -> None:
    """In predict mode nothing is drawn: another stream makes no difference."""
    params = draw_params(part, x)
    found = [part.forward(params, x, "predict", modnet.Stream(seed))[0] for seed in (3, 4, 5)]
    np.testing.assert_equal(found[1:], found[:1] * 2)


@SUITE.check(lambda subject: [{"x": x} for x in subject.batches()])
def stream(part: Any, x: Any) -> None:
    """Random numbers in training follow the whole stream: each iteration, and each layer, has another path."""
    params = draw_params(part, x)

    def train(seed: int, *path: int) -> Any:
        return part.forward(params, x, "train", modnet.Stream(seed, path))[0]

    first = train(3, 0)
    draws = any(not np.array_equal(train(seed, 0), first) for seed in (4, 5, 6, 7))
    follows = any(not np.array_equal(train(3, path), first) for path in (1, 2, 3, 4))
    assert follows or not draws, "it follows the seed alone, and draws the same each time: use stream.generator()"


def constant(subject: Subject) -> Iterator[Inputs]:
    """Yield batches that are large, all 0, and all alike."""
    for x in subject.batches():
        for batch in (subject.largest * x / np.abs(x).max(), 0 * x, 0 * x + 3):
            for dtype in DTYPES:
                for mode in MODES:
                    yield {"x": batch.astype(dtype), "mode": mode}


@SUITE.check(constant)
def finite(part: Any, x: Any, mode: Mode) -> None:
    """Outputs and derivatives are finite for inputs that are large, 0, or all alike."""
    params = draw_params(part, x)
    z, memo = part.forward(params, x, mode, modnet.Stream(3))
    assert np.isfinite(z).all(), f"outputs are {z[~np.isfinite(z)][0]}"
    for name in ("backward", "gradients"):
        try:
            slopes = getattr(part, name)(params, x, z, memo, np.ones_like(z))
        except modnet.NoDerivativeError:
            continue
        for of, values in slopes.items() if name == "gradients" else [("x", slopes)]:
            assert np.isfinite(values).all(), f"{name} gives {values[~np.isfinite(values)][0]} for {of}"


@SUITE.check(lambda subject: [{"x": x, "mode": mode} for x in subject.batches(6) for mode in MODES])
def layout(part: Any, x: Any, mode: Mode) -> None:
    """The memory layout does not matter: reversed, every other row, column by column, of inputs and derivatives."""
    params = {name: np.asfortranarray(array) for name, array in draw_params(part, x).items()}
    for view in (x[::-1], x[::2], np.asfortranarray(x)):
        plain = prepare(part, np.ascontiguousarray(view), mode)
        dz = np.asfortranarray(plain["dz"])
        expected = call_methods(part, mode, **{**plain, "params": params})
        found = call_methods(part, mode, **{**plain, "params": params, "x": view, "dz": dz})
        for name in expected:
            values = list_values(found[name])
            np.testing.assert_allclose(values, list_values(expected[name]), rtol=1e-7, atol=1e-9, err_msg=name)


def list_values(found: Any) -> Any:
    """Return the numbers of an array, or of a mapping of arrays, in one row."""
    arrays = [found[name] for name in sorted(found)] if hasattr(found, "keys") else [found]
    return np.concatenate([np.empty(0), *(np.ravel(array) for array in arrays)])


@SUITE.check(lambda subject: subject.cases())
def memo(part: Any, x: Any, mode: Mode) -> None:
    """A memo stays as it is: used twice, in another order, after another batch, it gives the same."""
    given = prepare(part, x, mode)
    first = copy.deepcopy(call_methods(part, mode, **given))
    evaluate(part, given["params"], x[::-1] * 2, mode)
    np.testing.assert_equal(call_methods(part, mode, **given), first)
    for name in ("update", "gradients", "backward"):
        if name in first and (name != "update" or mode == "train"):
            arguments = [given[each] for each in ("params", "x", "z", "memo", "dz")]
            again = part.update(*arguments[:2], given["memo"]) if name == "update" else getattr(part, name)(*arguments)
            np.testing.assert_equal(again, first[name], f"{name} gives something else when it is called again")


def with_backward(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that has a `backward`; raises SkippedError for any other."""
    for case in subject.cases()[:1]:
        if isinstance(catch_error(call_backward, subject.part, case), modnet.NoDerivativeError):
            raise SkippedError(NO_DERIVATIVE)
    return subject.cases()


def call_backward(part: Any, x: Any, mode: Mode) -> None:
    """Call a layer's `backward`."""
    given = prepare(part, x, mode)
    part.backward(*(given[name] for name in ("params", "x", "z", "memo", "dz")))


@SUITE.check(with_backward, NO_DERIVATIVE)
def backward(part: Any, x: Any, mode: Mode) -> None:
    """`backward` returns the derivative by the inputs, as a Taylor-remainder test judges it, in both modes."""
    verdict = judge_backward(LayerCase(layer=part, own=draw_params(part, x), x=x, mode=mode))
    assert not (verdict and verdict.is_failure), verdict


@SUITE.check(
    lambda subject: [
        {"x": value + np.zeros_like(case["x"]), "mode": case["mode"]}
        for case in with_backward(subject)
        for value in (0, 1)
    ],
    NO_DERIVATIVE,
)
def ties(part: Any, x: Any, mode: Mode) -> None:
    """Inputs that are alike share a derivative: of several largest ones the maximum has one derivative, not many."""
    verdict = judge_ties(part, draw_params(part, x), x, mode)
    assert not verdict.is_failure, verdict


def with_gradients(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that has `gradients`; raises SkippedError for any other."""
    if subject.shapes and not list_arrays(subject, "params"):
        raise SkippedError(NO_PARAMS)
    for case in subject.cases()[:1]:
        if isinstance(catch_error(call_gradients, subject.part, case), modnet.NoDerivativeError):
            raise SkippedError(NO_DERIVATIVE)
    return subject.cases()


def call_gradients(part: Any, x: Any, mode: Mode) -> None:
    """Call a layer's `gradients`."""
    given = prepare(part, x, mode)
    part.gradients(*(given[name] for name in ("params", "x", "z", "memo", "dz")))


@SUITE.check(with_gradients, NO_DERIVATIVE, NO_PARAMS)
def gradients(part: Any, x: Any, mode: Mode) -> None:
    """`gradients` returns the derivative by each parameter, as a Taylor-remainder test judges it, in both modes."""
    for verdict in judge_gradients(LayerCase(layer=part, own=draw_params(part, x), x=x, mode=mode)) or ():
        assert not verdict.is_failure, verdict


def list_slices(channels: int) -> list[slice]:
    """Return a channel at either end, some channels, and all of them."""
    return [slice(0, 1), slice(channels - 1, channels), slice(channels // 3, channels // 2 + 1), slice(None)]


def moved_cases(subject: Subject) -> Iterator[Inputs]:
    """Yield batches, and moves of some channels, large and small, several and none."""
    for case in subject.cases():
        for size in SIZES:
            for dtype in DTYPES:
                yield {**case, "x": case["x"].astype(dtype), "size": size, "moves": 2}
        yield {**case, "size": 1.0, "moves": 0}


@SUITE.check(moved_cases)
def change(part: Any, x: Any, mode: Mode, size: float, moves: int) -> None:
    """`change` gives, of the channels in reach, what evaluating each move of some channels and subtracting gives."""
    params = draw_params(part, x)
    z, memo = part.forward(params, x, mode, modnet.Stream(3))
    for channels in list_slices(x.shape[1]):
        dx = np.sin(np.arange(moves * x.size)).reshape(moves, *x.shape)[:, :, channels].astype(x.dtype)
        given = (params, x, z, memo, x.dtype.type(size) * dx, channels, mode, modnet.Stream(3))
        expected, found = modnet.Layer.change(part, *given), part.change(*given)
        kind = (found.shape, found.dtype)
        wanted = f"{x.dtype} {expected.shape}"
        assert kind == (expected.shape, x.dtype), f"{channels} gives {found.dtype} {found.shape}, not {wanted}"
        sizes = 1 + sum(np.abs(values).max(initial=0) for values in (x, z, dx, expected))
        rounding = 100 * np.finfo(x.dtype).eps * sizes
        np.testing.assert_allclose(found, expected, rtol=0, atol=rounding, err_msg=f"of channels {channels}")


def list_limited(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that says that some outputs are out of reach; raises SkippedError for any other."""
    reaches = [subject.part.reach(shape, slice(0, 1)) for shape in subject.shapes]
    shapes = [subject.part.shape(shape) for shape in subject.shapes]
    pairs = zip(reaches, shapes, strict=True)
    if all(len(range(*reach.indices(shape[0]))) == shape[0] for reach, shape in pairs):
        raise SkippedError(REACHES_ALL)
    return subject.cases()


@SUITE.check(list_limited, REACHES_ALL)
def reach(part: Any, x: Any, mode: Mode) -> None:
    """Outputs out of `reach` of some input channels do not move with them."""
    params = draw_params(part, x)
    z = evaluate(part, params, x, mode)
    for channels in list_slices(x.shape[1]):
        moved = x.copy()
        moved[:, channels] += 1 + np.cos(np.arange(x.size)).reshape(x.shape)[:, channels]
        others = ~np.isclose(evaluate(part, params, moved, mode), z, rtol=1e-9, atol=1e-9)
        within = part.reach(x.shape[1:], channels)
        others[:, within] = False
        assert not others.any(), f"input {channels} moves output channel {np.argwhere(others)[0][1]}, out of {within}"


def with_buffers(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that has buffers; raises SkippedError for any other."""
    if subject.shapes and not list_arrays(subject, "buffers"):
        raise SkippedError(NO_BUFFERS)
    return [{"x": x.astype(dtype)} for x in subject.batches() for dtype in DTYPES]


@SUITE.check(with_buffers, NO_BUFFERS)
def update(part: Any, x: Any) -> None:
    """`update` returns all buffers and nothing else, of the same shapes and dtypes, finite, after one sample, too."""
    params = draw_params(part, x)
    names = [buffer.name for buffer in part.buffers(x.shape[1:])]
    for batch in (x, x[:1], 3 * x[::-1], 0 * x):
        _, memo = part.forward(params, batch, "train", modnet.Stream(3))
        found = part.update(params, batch, memo)
        assert sorted(found) == sorted(names), f"the buffers are {names}, it returns {list(found)}"
        for name in names:
            assert isinstance(found[name], np.ndarray), f"{name} becomes a {type(found[name]).__name__}, no array"
            before, after = params[name], found[name]
            kinds = (after.shape, after.dtype), (before.shape, before.dtype)
            assert kinds[0] == kinds[1], f"{name}, {before.dtype} {before.shape}, becomes {after.dtype} {after.shape}"
            assert np.isfinite(after).all(), f"{name} becomes {after}"
        params = {**params, **found}


def list_claimed(subject: Subject) -> list[Inputs]:
    """Return cases for a layer that claims to be a dense layer or an activation; raises SkippedError for any other."""
    if not subject.part.is_dense and subject.part.activation is None:
        raise SkippedError(NO_STANDARD)
    return subject.cases()


@SUITE.check(list_claimed, NO_STANDARD)
def standard(part: Any, x: Any, mode: Mode) -> None:
    """If it claims to be dense, or an activation, it is exactly that."""
    params = draw_params(part, x)
    z = evaluate(part, params, x, mode)
    if part.activation is not None:
        assert not params, f"an activation has no {list(params)}"
        np.testing.assert_allclose(z, part.activation(x, 1 - x.ndim), rtol=1e-9, atol=1e-9)
        return
    found = {name: array.shape for name, array in params.items()}
    expected = {"W": (x.shape[1], z.shape[1]), "b": (z.shape[1],)}
    assert found == expected, f"a dense layer has {expected}, it has {found}"
    np.testing.assert_allclose(z, x @ params["W"] + params["b"], rtol=1e-9, atol=1e-9)


def create_network(part: Any, shape: Shape, dtype: str = "float64") -> modnet.Network:
    """Return a network for two classes that has a layer, between others that are trained."""
    layers = ["prelu", part, "flatten", ("dense", {"units": 2}), "softmax"]
    return modnet.Network(layers, shape=shape, weight_init_std=0.5, dtype=dtype)


@SUITE.check(lambda subject: [{"x": draw_batch(5, shape, dtype)} for shape in subject.shapes for dtype in DTYPES])
def network(part: Any, x: Any) -> None:
    """A network with it has a finite gradient by backpropagation, with the values that its parameters begin with."""
    net = create_network(part, x.shape[1:], x.dtype.name)
    for name, found in net.gradient(x, np.arange(len(x)) % 2).items():
        assert np.isfinite(found).all(), f"the gradient of {name} is {found[~np.isfinite(found)][0]}"


@SUITE.check(lambda subject: [{"x": draw_batch(3, shape)} for shape in subject.shapes])
def differences(part: Any, x: Any) -> None:
    """The central differences of a network with it, which its statements make fast, are those of its loss."""
    net = create_network(part, x.shape[1:])
    objective, h = net.objective(x, np.arange(len(x)) % 2), 1e-4
    found = modnet.gradient("central-difference", h=h)(objective, net.params, modnet.Stream(0))
    for name, value in net.params.items():
        for index in list(np.ndindex(value.shape))[:: max(1, value.size // MOVED)]:
            losses = [objective({**net.params, name: value + s * move_one(value, index)}) for s in (h, -h)]
            expected = (losses[0] - losses[1]) / (2 * h)
            message = f"the central difference by {name}{list(index)} is {expected:.6g}, not {found[name][index]:.6g}"
            assert abs(found[name][index] - expected) <= 1e-7 * (1 + abs(expected)), message


def move_one(value: Any, index: Any) -> Any:
    """Return a move of one entry by 1."""
    moves = np.zeros_like(value)
    moves[index] = 1
    return moves


@SUITE.check(lambda subject: [{"x": draw_batch(20, shape)} for shape in subject.shapes])
def resume(part: Any, x: Any) -> None:
    """A run that stops and resumes from its checkpoint ends with the numbers of one that does not stop."""
    net, rows = create_network(part, x.shape[1:]), x.reshape(len(x), -1)
    data = modnet.Dataset.from_arrays((rows, np.arange(len(x)) % 2), scale=1.0, test_fraction=0.2)
    settings: Any = {"gradient": "backpropagation", "batch_size": 4, "progress": False}
    whole = modnet.train(net, data, iterations=6, **settings)
    half = modnet.train(net, data, iterations=2, **settings)
    with make_folder() as folder:
        Checkpoints(Path(folder)).save(half.checkpoint)
        loaded = Checkpoints(Path(folder)).load()
    again = modnet.train(net, data, iterations=6, start=loaded[0] if loaded else None, **settings)
    np.testing.assert_equal(again.network.arrays, whole.network.arrays)
    np.testing.assert_equal(again.history.loss, whole.history.loss)


@SUITE.check(lambda subject: subject.cases())
def unchanged(part: Any, x: Any, mode: Mode) -> None:
    """It never writes into an array that it was given."""
    given = prepare(part, x, mode)
    before = copy.deepcopy({name: value for name, value in given.items() if name != "memo"})
    call_methods(part, mode, **given)
    for name, value in before.items():
        np.testing.assert_equal(given[name], value, f"{name} changed")


@SUITE.check(lambda subject: subject.cases())
def read_only(part: Any, x: Any, mode: Mode) -> None:
    """Arrays that nobody may write to will do."""
    given = prepare(part, x, mode)
    for array in [*given["params"].values(), *(given[name] for name in ("x", "z", "dz", "dx"))]:
        array.flags.writeable = False
    call_methods(part, mode, **given)


def call_any(part: Any, params: Any, x: Any, dz: Any, dx: Any, mode: Mode) -> Any:
    """Call all methods of a layer, on arrays of any library."""
    z, memo = part.forward(params, x, mode, modnet.Stream(0, ("layer",)))
    return call_methods(part, mode, params, x, z, memo, dz, dx)


def calls_of_any(subject: Subject) -> Iterator[Inputs]:
    """Yield the inputs of the probe of other libraries' arrays."""
    for case in subject.cases():
        given = prepare(subject.part, **case)
        yield {"call": call_any, "inputs": {"mode": case["mode"], **{n: given[n] for n in ("params", "x", "dz", "dx")}}}


add_other_arrays(SUITE, calls_of_any)
add_shared(SUITE, shared_cases)
