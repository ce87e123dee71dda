"""Steps of a program as operators of ONNX: one, or a few."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from modnet import Array
from modnet_export.graph import Graph, Node
from modnet_export.program import Batch, Program, fill, has_batch, list_values
from modnet_export.tracing import FUNCTIONS, Step, UntraceableError, Value, call

_SAME = {
    "abs": "Abs", "acos": "Acos", "asin": "Asin", "atan": "Atan", "ceil": "Ceil", "cos": "Cos", "exp": "Exp",
    "floor": "Floor", "isnan": "IsNaN", "log": "Log", "negative": "Neg", "round": "Round", "sign": "Sign", "sin": "Sin",
    "sqrt": "Sqrt", "tanh": "Tanh",
}  # fmt: skip
_PAIRS = {
    "add": "Add", "divide": "Div", "equal": "Equal", "greater": "Greater", "greater_equal": "GreaterOrEqual",
    "less": "Less", "less_equal": "LessOrEqual", "matmul": "MatMul", "maximum": "Max", "minimum": "Min",
    "multiply": "Mul", "pow": "Pow", "subtract": "Sub",
}  # fmt: skip
_LOGICAL = {
    "bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor", "logical_and": "And", "logical_or": "Or",
    "logical_xor": "Xor",
}  # fmt: skip
_REDUCED = {"max": "ReduceMax", "mean": "ReduceMean", "min": "ReduceMin", "prod": "ReduceProd", "sum": "ReduceSum"}
_SINGLE = {"acos", "asin", "atan"}  # which onnxruntime computes in float32 alone
LAST = 2**62  # beyond the end of any axis
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@attrs.frozen(eq=False)
class Call:
    """The arguments of a step, and its result for the samples."""

    given: Mapping[str, Any]
    result: Array

    def axes(self, ndim: int, key: str = "axis") -> list[int] | None:
        """Return axes, from 0 on, or None where none are given."""
        axis = self.given.get(key)
        return None if axis is None else [n % ndim for n in (axis if isinstance(axis, tuple) else (axis,))]


def convert(graph: Graph, program: Program, x: str, sample: Array) -> str:
    """Add a program's steps for the samples named `x` to a graph, and return the name of the outputs.

    `sample` are a few of them, from which shapes and dtypes follow. Raises UntraceableError.
    """
    return _Conversion(graph, program, x, sample).run()


class _Conversion:
    def __init__(self, graph: Graph, program: Program, x: str, sample: Array) -> None:
        self.graph, self.program, self.samples, self.x = graph, program, len(sample), x
        self.nodes: dict[str, Node] = {"x": Node(x, sample)}  # of all that is not the same for all samples
        self.values: dict[str, Array] = {"x": sample, **program.constants}

    def run(self) -> str:
        """Convert all steps; what follows from constants alone is a constant."""
        for step in self.program.steps:
            arguments = {name: fill(value, self.values, self.samples) for name, value in step.arguments.items()}
            result = self.values[step.result] = np.asarray(call(step.function, arguments))
            if has_batch(step.arguments) or any(value.name in self.nodes for value in list_values(step.arguments)):
                try:
                    self.nodes[step.result] = Node(self.convert(step, result), result)
                except UntraceableError as error:
                    error.layer = step.layer
                    raise
        return self.node(Value(self.program.output)).name

    def node(self, value: Any, dtype: Any = None) -> Node:
        """Return the node of an array or a number, perhaps in another dtype."""
        if isinstance(value, Batch):
            count = np.asarray(value.factor * self.samples, dtype)
            return Node(self.graph.cast(self.count(value.factor), count.dtype), count)
        name = value.name if isinstance(value, Value) else ""
        found = self.nodes.get(name)
        array = self.values[name] if name else np.asarray(value)
        dtype = array.dtype if dtype is None else dtype
        if found is None:
            return Node(self.graph.constant(array.astype(dtype), name or "constant"), array.astype(dtype))
        return found if array.dtype == dtype else Node(self.graph.cast(found.name, dtype), array.astype(dtype))

    def convert(self, step: Step, result: Array) -> str:
        """Return the name of a step's result."""
        function, given = step.function, step.arguments
        if function in _CONVERTERS:
            return _CONVERTERS[function](self, Call(given, result))
        if function in _COMPOSED:
            return self.node(_COMPOSED[function](self.compose, **given), result.dtype).name
        if function in _SAME:
            return self.convert_same(_SAME[function], self.node(given["x"]), is_single=function in _SINGLE)
        if function in _PAIRS:
            return self.graph.add(_PAIRS[function], *(each.name for each in self.pair(given, result)))
        if function in _LOGICAL and result.dtype == bool:
            return self.graph.add(_LOGICAL[function], *(self.node(given[key], bool).name for key in ("x", "y")))
        if function in _REDUCED:
            return self.reduce(_REDUCED[function], self.node(given["x"], result.dtype), Call(given, result))
        raise UntraceableError(f"calls {function} of {result.dtype}")

    def convert_same(self, operator: str, x: Node, *, is_single: bool) -> str:
        """Return the name of an operator's result that has the dtype of its input."""
        if is_single and x.sample.dtype == np.float64:
            return self.graph.cast(self.graph.add(operator, self.graph.cast(x.name, np.float32)), np.float64)
        return self.graph.add(operator, x.name)

    def compose(self, function: str, *args: Any, **kwargs: Any) -> Value:
        """Add a step that is a part of another one, and return its result."""
        arguments = {**dict(zip(FUNCTIONS[function], args, strict=False)), **kwargs}
        name = f"{function} {len(self.values)}"
        result = np.asarray(call(function, {key: fill(each, self.values, 0) for key, each in arguments.items()}))
        self.values[name] = result
        self.nodes[name] = Node(self.convert(Step(name, function, arguments, 0), result), result)
        return Value(name)

    def pair(self, given: Mapping[str, Any], result: Array) -> tuple[Node, Node]:
        """Return both arguments in the dtype that they are computed in."""
        values = given["x"], given["y"]
        kinds = [self.values[each.name].dtype if isinstance(each, Value) else each for each in values]
        kinds = [1 if isinstance(each, Batch) else each for each in kinds]
        dtype = np.result_type(*kinds) if result.dtype == bool else result.dtype
        return self.node(values[0], dtype), self.node(values[1], dtype)

    def reduce(self, operator: str, x: Node, given: Call) -> str:
        """Return the name of a reduction, such as a sum."""
        axes, keepdims = given.axes(x.ndim), int(given.given.get("keepdims", False))
        if operator != "ReduceSum":
            attributes: dict[str, Any] = {} if axes is None else {"axes": axes}
            return self.graph.add(operator, x.name, keepdims=keepdims, **attributes)
        more = [] if axes is None else [self.graph.integers(*axes)]
        return self.graph.add(operator, x.name, *more, keepdims=keepdims)

    def shape(self, shape: Any) -> str:
        """Return the name of a shape that may depend on the number of samples."""
        shape = shape if isinstance(shape, tuple) else (shape,)
        if not has_batch(shape):
            return self.graph.integers(*shape)
        parts = [self.count(n.factor) if isinstance(n, Batch) else self.graph.integers(n) for n in shape]
        return self.graph.add("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]

    def count(self, factor: int) -> str:
        """Return the name of an array (1,) with so many times the number of samples."""
        count = self.graph.add("Shape", self.x, start=0, end=1)
        return count if factor == 1 else self.graph.add("Mul", count, self.graph.integers(factor))

    def test(self, call: Call, operator: str) -> str:
        """Convert `all` and `any`, reductions of whole numbers."""
        x = self.node(call.given["x"], bool)
        return self.graph.cast(self.reduce(operator, Node(self.graph.cast(x.name, np.int32), x.sample), call), bool)

    def arange(self, call: Call) -> str:
        """Convert `arange` up to a number that depends on that of samples."""
        start, stop, step = (call.given.get(key) for key in ("start", "stop", "step"))
        numbers = [0, start, 1] if stop is None else [start, stop, step or 1]
        names = [
            self.graph.cast(self.graph.add("Squeeze", self.count(n.factor), self.graph.integers(0)), call.result.dtype)
            if isinstance(n, Batch)
            else self.node(n, call.result.dtype).name
            for n in numbers
        ]
        return self.graph.add("Range", *names)

    def find(self, call: Call, operator: str) -> str:
        """Convert `argmax` and `argmin`."""
        x, axis, keepdims = self.node(call.given["x"]), call.given.get("axis"), call.given.get("keepdims", False)
        if axis is None:
            if keepdims:
                raise UntraceableError(f"calls {operator.lower()} of all axes with keepdims=")
            return self.graph.add(
                operator, self.graph.add("Reshape", x.name, self.graph.integers(-1)), axis=0, keepdims=0
            )
        return self.graph.add(operator, x.name, axis=axis % x.ndim, keepdims=int(keepdims))

    def clip(self, call: Call) -> str:
        """Convert `clip`."""
        name = self.node(call.given["x"], call.result.dtype).name
        for key, operator in (("min", "Max"), ("max", "Min")):
            if call.given.get(key) is not None:
                name = self.graph.add(operator, name, self.node(call.given[key], call.result.dtype).name)
        return name

    def join(self, call: Call) -> str:
        """Convert `concat` and `stack`."""
        nodes = [self.node(each, call.result.dtype) for each in call.given["arrays"]]
        axis = call.given.get("axis", 0) % call.result.ndim
        names = [each.name for each in nodes]
        if call.result.ndim > nodes[0].ndim:
            names = [self.graph.add("Unsqueeze", name, self.graph.integers(axis)) for name in names]
        return self.graph.add("Concat", *names, axis=axis)

    def convolve(self, call: Call) -> str:
        """Convert a convolution: of float64, which onnxruntime has none for, as one product with gathered windows."""
        x, weights = self.node(call.given["x"]), fill(call.given["weights"], self.values, 0)
        (top, bottom), (left, right) = call.given["padding"]
        kernel, (sh, sw) = weights.shape[2:], call.given["stride"]
        if call.result.dtype == np.float32:
            more = {"kernel_shape": kernel, "strides": (sh, sw), "pads": (top, left, bottom, right)}
            return self.graph.add("Conv", x.name, self.node(call.given["weights"], np.float32).name, **more)
        (channels, height, width), (filters, down, across) = x.sample.shape[1:], call.result.shape[1:]
        name = x.name
        if top or left or bottom or right:
            height, width = height + top + bottom, width + left + right
            name = self.graph.add("Pad", name, self.graph.integers(0, 0, top, left, 0, 0, bottom, right))
        rows = np.arange(down)[:, None] * sh + np.arange(kernel[0])[:, None, None, None]
        columns = np.arange(across) * sw + np.arange(kernel[1])[:, None, None]
        places = self.graph.integers(*(rows * width + columns).ravel().tolist())
        matrix = self.graph.constant(weights.reshape(filters, -1), "weights")
        name = self.graph.add("Reshape", name, self.graph.integers(0, channels, height * width))
        name = self.graph.add("Gather", name, places, axis=2)
        name = self.graph.add("Reshape", name, self.graph.integers(0, channels * math.prod(kernel), down * across))
        name = self.graph.add("MatMul", matrix, name)
        return self.graph.add("Reshape", name, self.graph.integers(0, filters, down, across))

    def fill_shape(self, call: Call, value: Any) -> str:
        """Convert `zeros`, `full_like` and the like."""
        given = call.given
        shape = self.shape(given["shape"]) if "shape" in given else self.graph.add("Shape", self.node(given["x"]).name)
        return self.graph.add("Expand", self.node(value, call.result.dtype).name, shape)

    def getitem(self, call: Call) -> str:
        """Convert an index: places, slices, None and an ellipsis."""
        x, key = self.node(call.given["x"]), call.given["key"]
        key = list(key if isinstance(key, tuple) else (key,))
        arrays = [each for each in key if isinstance(each, Value)]
        if arrays:
            places = self.values[arrays[0].name]
            are_slices = all(isinstance(each, (Value, slice)) or each is ... for each in key)
            if len(arrays) > 1 or places.dtype.kind not in "iu" or places.ndim != 1 or not are_slices:
                raise UntraceableError("takes entries by arrays of their places, or of truth values")
        if has_batch(tuple(key)) or any(isinstance(each, (bool, tuple)) for each in key):
            raise UntraceableError("takes some of the samples")
        key = key if ... in key else [*key, ...]
        missing = x.ndim - sum(each is not None and each is not ... for each in key)
        key[key.index(...) : key.index(...) + 1] = [slice(None)] * missing
        cuts, dropped, added, axis, gathered = list[tuple[int, ...]](), list[int](), list[int](), 0, 0
        for each in key:
            if isinstance(each, Value):
                gathered, axis = axis, axis + 1
                continue
            if each is None:
                added.append(axis - len(dropped) + len(added))
                continue
            if isinstance(each, slice):
                step = each.step or 1
                start = (0 if step > 0 else LAST) if each.start is None else each.start
                stop = (LAST if step > 0 else -LAST) if each.stop is None else each.stop
                cuts += [(start, stop, axis, step)] * (each != slice(None))
            else:
                cuts.append((each, each + 1 or LAST, axis, 1))
                dropped.append(axis)
            axis += 1
        name = x.name
        if cuts:
            name = self.graph.add("Slice", name, *(self.graph.integers(*ends) for ends in zip(*cuts, strict=True)))
        if arrays:
            name = self.graph.add("Gather", name, self.node(arrays[0], np.int64).name, axis=gathered)
        name = self.graph.add("Squeeze", name, self.graph.integers(*dropped)) if dropped else name
        return self.graph.add("Unsqueeze", name, self.graph.integers(*added)) if added else name

    def moveaxis(self, call: Call) -> str:
        """Convert `moveaxis`."""
        x = self.node(call.given["x"])
        source, destination = call.axes(x.ndim, "source") or [], call.axes(x.ndim, "destination") or []
        order = [n for n in range(x.ndim) if n not in source]
        for to, of in sorted(zip(destination, source, strict=True)):
            order.insert(to, of)
        return self.transpose(x, order)

    def transpose(self, x: Node, order: Sequence[int]) -> str:
        """Return the name of an array with its axes in another order."""
        return self.graph.add("Transpose", x.name, perm=[n % x.ndim for n in order])

    def reshape(self, call: Call) -> str:
        """Convert `reshape`; the number of samples follows from all others, or is that of the input."""
        x, shape = self.node(call.given["x"]), call.given["shape"]
        shape = list(shape if isinstance(shape, tuple) else (shape,))
        batches = [n for n, size in enumerate(shape) if isinstance(size, Batch)]
        if batches == [0] and shape[0].factor == 1 and x.ndim and x.sample.shape[0] == self.samples:
            shape[0] = 0  # the size that this axis has, 0 among them
        elif len(batches) == 1 and -1 not in shape:
            shape[batches[0]] = -1
        return self.graph.add("Reshape", x.name, self.shape(tuple(shape)))

    def sort(self, call: Call) -> str:
        """Convert `sort`."""
        x, axis = self.node(call.given["x"]), (call.axes(call.result.ndim) or [call.result.ndim - 1])[0]
        if axis == 0:
            raise UntraceableError("sorts the samples")
        size, largest = self.graph.integers(x.sample.shape[axis]), int(call.given.get("descending", False))
        return self.graph.add("TopK", x.name, size, unused=1, axis=axis, largest=largest)

    def squeeze(self, call: Call, operator: str = "Squeeze") -> str:
        """Convert `squeeze` and `expand_dims`."""
        x = self.node(call.given["x"])
        axes = call.axes(x.ndim + (operator == "Unsqueeze")) or [0]
        return self.graph.add(operator, x.name, self.graph.integers(*axes))

    def take(self, call: Call) -> str:
        """Convert `take`."""
        x, axis = self.node(call.given["x"]), call.given.get("axis")
        if axis is None and x.ndim > 1:
            raise UntraceableError("calls take without axis=")
        return self.graph.add(
            "Gather", x.name, self.node(call.given["indices"], np.int64).name, axis=(axis or 0) % x.ndim
        )

    def tensordot(self, call: Call) -> str:
        """Convert `tensordot`."""
        pair = self.pair(call.given, call.result)
        axes: Any = call.given.get("axes", 2)
        if isinstance(axes, int):
            axes = tuple(range(pair[0].ndim - axes, pair[0].ndim)), tuple(range(axes))
        first, second = (
            Call({"axis": each}, call.result).axes(node.ndim) or [] for each, node in zip(axes, pair, strict=True)
        )
        left, right = [*LETTERS[: pair[0].ndim]], [*LETTERS[pair[0].ndim :][: pair[1].ndim]]
        for a, b in zip(first, second, strict=True):
            right[b] = left[a]
        rest = [c for n, c in enumerate(left) if n not in first] + [c for n, c in enumerate(right) if n not in second]
        equation = f"{''.join(left)},{''.join(right)}->{''.join(rest)}"
        return self.graph.add("Einsum", *(node.name for node in pair), equation=equation)

    def choose(self, call: Call) -> str:
        """Convert `where`."""
        names = [self.node(call.given[key], call.result.dtype).name for key in ("x", "y")]
        return self.graph.add("Where", self.node(call.given["condition"], bool).name, *names)


_CONVERTERS: dict[str, Callable[[_Conversion, Call], str]] = {
    "all": lambda self, call: self.test(call, "ReduceMin"),
    "any": lambda self, call: self.test(call, "ReduceMax"),
    "arange": _Conversion.arange,
    "argmax": lambda self, call: self.find(call, "ArgMax"),
    "argmin": lambda self, call: self.find(call, "ArgMin"),
    "astype": lambda self, call: self.node(call.given["x"], call.result.dtype).name,
    "bitwise_invert": lambda self, call: self.graph.add("Not", self.node(call.given["x"], bool).name),
    "broadcast_to": lambda self, call: self.graph.add(
        "Expand", self.node(call.given["x"]).name, self.shape(call.given["shape"])
    ),
    "clip": _Conversion.clip,
    "concat": _Conversion.join,
    "convolve": _Conversion.convolve,
    "cumulative_sum": lambda self, call: self.graph.add(
        "CumSum", self.node(call.given["x"]).name, self.node(np.int64(call.given.get("axis", 0))).name
    ),
    "expand_dims": lambda self, call: self.squeeze(call, "Unsqueeze"),
    "flip": lambda self, call: self.convert(_flip(call), call.result),
    "full": lambda self, call: self.fill_shape(call, call.given["value"]),
    "full_like": lambda self, call: self.fill_shape(call, call.given["value"]),
    "getitem": _Conversion.getitem,
    "logical_not": lambda self, call: self.graph.add("Not", self.node(call.given["x"], bool).name),
    "matrix_transpose": lambda self, call: self.transpose(
        self.node(call.given["x"]), [*range(call.result.ndim - 2), -1, -2]
    ),
    "moveaxis": _Conversion.moveaxis,
    "ones": lambda self, call: self.fill_shape(call, 1),
    "ones_like": lambda self, call: self.fill_shape(call, 1),
    "permute_dims": lambda self, call: self.transpose(self.node(call.given["x"]), call.given["axes"]),
    "pool_largest": lambda self, call: self.graph.add(
        "MaxPool", self.node(call.given["x"]).name, kernel_shape=call.given["size"], strides=call.given["stride"]
    ),
    "reshape": _Conversion.reshape,
    "sort": _Conversion.sort,
    "squeeze": _Conversion.squeeze,
    "stack": _Conversion.join,
    "take": _Conversion.take,
    "take_along_axis": lambda self, call: self.graph.add(
        "GatherElements",
        self.node(call.given["x"]).name,
        self.node(call.given["indices"], np.int64).name,
        axis=call.given.get("axis", -1) % call.result.ndim,
    ),
    "tensordot": _Conversion.tensordot,
    "where": _Conversion.choose,
    "zeros": lambda self, call: self.fill_shape(call, 0),
    "zeros_like": lambda self, call: self.fill_shape(call, 0),
}


def _flip(call: Call) -> Step:
    axes = call.axes(call.result.ndim)
    ends = [slice(None, None, -1 if axes is None or n in axes else None) for n in range(call.result.ndim)]
    return Step("", "getitem", {"x": call.given["x"], "key": tuple(ends)}, 0)


def _roll(c: Callable[..., Any], x: Any, shift: Any, axis: Any = None) -> Any:
    if not isinstance(shift, int) or not isinstance(axis, int):
        raise UntraceableError("calls roll of several axes")
    before = (slice(None),) * axis
    parts = (c("getitem", x, (*before, slice(-shift, None))), c("getitem", x, (*before, slice(None, -shift))))
    return c("concat", parts, axis=axis) if shift else x


def _vary(c: Callable[..., Any], x: Any, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Any:
    difference = c("subtract", x, c("mean", x, axis=axis, keepdims=True))
    square = c("multiply", difference, difference)
    if not correction:
        return c("mean", square, axis=axis, keepdims=keepdims)
    count = c("subtract", c("sum", c("ones_like", square), axis=axis, keepdims=keepdims), float(correction))
    return c("divide", c("sum", square, axis=axis, keepdims=keepdims), count)


_COMPOSED: dict[str, Callable[..., Any]] = {
    "acosh": lambda c, x: c("log", c("add", x, c("sqrt", c("subtract", c("multiply", x, x), 1.0)))),
    "asinh": lambda c, x: c(
        "multiply", c("sign", x), c("log", c("add", c("abs", x), c("sqrt", c("add", c("multiply", x, x), 1.0))))
    ),
    "atanh": lambda c, x: c("multiply", c("log", c("divide", c("add", 1.0, x), c("subtract", 1.0, x))), 0.5),
    "cosh": lambda c, x: c("multiply", c("add", c("exp", x), c("exp", c("negative", x))), 0.5),
    "expm1": lambda c, x: c("subtract", c("exp", x), 1.0),
    "floor_divide": lambda c, x, y: c("floor", c("divide", x, y)),
    "isfinite": lambda c, x: c("less", c("abs", x), math.inf),
    "isinf": lambda c, x: c("equal", c("abs", x), math.inf),
    "log10": lambda c, x: c("multiply", c("log", x), 1 / math.log(10)),
    "log1p": lambda c, x: c("log", c("add", x, 1.0)),
    "log2": lambda c, x: c("multiply", c("log", x), 1 / math.log(2)),
    "logaddexp": lambda c, x, y: c(
        "add", c("maximum", x, y), c("log", c("add", c("exp", c("negative", c("abs", c("subtract", x, y)))), 1.0))
    ),
    "not_equal": lambda c, x, y: c("logical_not", c("equal", x, y)),
    "positive": lambda _, x: x,
    "remainder": lambda c, x, y: c("subtract", x, c("multiply", c("floor", c("divide", x, y)), y)),
    "roll": _roll,
    "sinh": lambda c, x: c("multiply", c("subtract", c("exp", x), c("exp", c("negative", x))), 0.5),
    "square": lambda c, x: c("multiply", x, x),
    "std": lambda c, x, **settings: c("sqrt", _vary(c, x, **settings)),
    "tan": lambda c, x: c("divide", c("sin", x), c("cos", x)),
    "trunc": lambda c, x: c("multiply", c("sign", x), c("floor", c("abs", x))),
    "var": _vary,
}
"""Functions that ONNX lacks, or onnxruntime in float64, by others."""
