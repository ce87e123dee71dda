"""Programs as graphs of ONNX: an operator, or a few, for each step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import onnx
from onnx import helper, numpy_helper

from modnet import Array
from modnet_export.program import Batch, Program, fill, list_values
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
_LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
_BITWISE = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}
_REDUCED = {"max": "ReduceMax", "mean": "ReduceMean", "min": "ReduceMin", "prod": "ReduceProd", "sum": "ReduceSum"}
_SINGLE = {"acos", "asin", "atan"}  # which onnxruntime computes in float32 alone
LAST = 2**62  # beyond the end of any axis


@attrs.frozen
class Node:
    """An array of the graph: its name, and what it is for the sample that the graph is made along with."""

    name: str
    sample: Array

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.sample.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the entries."""
        return self.sample.dtype


class Graph:
    """Nodes and constant arrays of a graph of ONNX in the making; `taken` are names of its inputs and outputs."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._taken = {*taken}

    def name(self, wanted: str) -> str:
        """Return a name that nothing has, and take it."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name

    def add(self, operator: str, *inputs: str, output: str = "", name: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of its output, which may be given."""
        output = output or self.name(operator.lower())
        domain = "ai.onnx.ml" if operator == "LabelEncoder" else ""
        self.nodes.append(helper.make_node(operator, inputs, [output], name or output, domain=domain, **attributes))
        return output

    def constant(self, value: Any, name: str = "constant") -> str:
        """Return the name of a constant array."""
        array = np.asarray(value)
        array = array.astype(object) if array.dtype.kind == "U" else array
        content = tuple(array.flat) if array.dtype == object else array.tobytes()
        key = (array.dtype.str, array.shape, content)
        if key not in self._known:
            self._known[key] = self.name(name)
            tensor = numpy_helper.from_array(np.array(array, order="C"), self._known[key])
            self.constants[self._known[key]] = tensor
        return self._known[key]

    def cast(self, name: str, dtype: Any) -> str:
        """Return the name of an array in another dtype."""
        return self.add("Cast", name, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def run(self, program: Program, x: str, sample: Array) -> str:
        """Add a program's steps for the samples named `x`, and return the name of the outputs.

        `sample` are a few of them, from which shapes and dtypes follow. Raises UntraceableError.
        """
        return _Steps(self, program, x, sample).run()


class _Steps:
    def __init__(self, graph: Graph, program: Program, x: str, sample: Array) -> None:
        self.graph, self.program, self.samples, self.x = graph, program, len(sample), x
        self.known: dict[str, Node | None] = {"x": Node(x, sample)}  # None: constant, and in no need of a node so far
        self.values: dict[str, Array] = {"x": sample, **program.constants}

    def run(self) -> str:
        for step in self.program.steps:
            arguments = {name: fill(value, self.values, self.samples) for name, value in step.arguments.items()}
            self.values[step.result] = np.asarray(call(step.function, arguments))
            names = [value.name for value in list_values(step.arguments)]
            if any(name in self.known for name in names) or _has_batch(step.arguments):
                self.known[step.result] = Node(self._convert(step), self.values[step.result])
        return self._node(Value(self.program.output)).name

    def _node(self, value: Any, dtype: Any = None) -> Node:
        """Return the node of an array or a number, perhaps in another dtype."""
        if not isinstance(value, Value):
            array = np.asarray(value, dtype)
            return Node(self.graph.constant(array), array)
        array = self.values[value.name]
        found = self.known.get(value.name)
        if found is None:
            array = array if dtype is None else array.astype(dtype)
            return Node(self.graph.constant(array, value.name), array)
        return (
            found
            if dtype is None or found.dtype == dtype
            else Node(self.graph.cast(found.name, dtype), array.astype(dtype))
        )

    def _convert(self, step: Step) -> str:
        """Return the name of a step's result."""
        function, given = step.function, step.arguments
        result = self.values[step.result]
        if function in _CONVERTERS:
            return _CONVERTERS[function](self, given, result)
        if function in _COMPOSED:
            return self._node(_COMPOSED[function](self._compose, **given), result.dtype).name
        if function in _SAME:
            x = self._node(given["x"])
            if function in _SINGLE and x.dtype == np.float64:
                return self.graph.cast(self.graph.add(_SAME[function], self.graph.cast(x.name, np.float32)), np.float64)
            return self.graph.add(_SAME[function], x.name)
        if function in _PAIRS:
            return self.graph.add(_PAIRS[function], *(each.name for each in self._pair(given, result)))
        if function in _LOGICAL or (function in _BITWISE and result.dtype == bool):
            names = [self._node(given[key], bool).name for key in ("x", "y")]
            return self.graph.add({**_LOGICAL, **_BITWISE}[function], *names)
        if function in _REDUCED:
            return self._reduce(_REDUCED[function], self._node(given["x"], result.dtype), given)
        raise UntraceableError(f"calls {function} of {result.dtype}, for which ONNX has no operator")

    def _compose(self, function: str, *args: Any, **kwargs: Any) -> Value:
        """Add a step that is a part of another one, and return its result."""
        arguments = {**dict(zip(FUNCTIONS[function], args, strict=False)), **kwargs}
        result = f"{function} {len(self.values)}"
        value = np.asarray(call(function, {name: fill(each, self.values, 0) for name, each in arguments.items()}))
        self.values[result] = value
        self.known[result] = Node(self._convert(Step(result, function, arguments, 0)), value)
        return Value(result)

    def _pair(self, given: Mapping[str, Any], result: Array) -> tuple[Node, Node]:
        """Return both arguments in the dtype that they are computed in."""
        values = [given["x"], given["y"]]
        kinds = [self.values[value.name].dtype if isinstance(value, Value) else value for value in values]
        dtype = np.result_type(*kinds) if result.dtype == bool else result.dtype
        one, other = (self._node(value, dtype) for value in values)
        return one, other

    def _reduce(self, operator: str, x: Node, given: Mapping[str, Any]) -> str:
        axis, keepdims = given.get("axis"), int(given.get("keepdims", False))
        axes = None if axis is None else [n % x.ndim for n in (axis if isinstance(axis, tuple) else (axis,))]
        if operator == "ReduceSum":
            more = [] if axes is None else [self.graph.constant(np.array(axes, np.int64))]
            return self.graph.add(operator, x.name, *more, keepdims=keepdims)
        return self.graph.add(operator, x.name, keepdims=keepdims, **({} if axes is None else {"axes": axes}))

    def _shape(self, shape: Any) -> str:
        """Return the name of a shape that may depend on the number of samples."""
        shape = shape if isinstance(shape, tuple) else (shape,)
        if not any(isinstance(n, Batch) for n in shape):
            return self.graph.constant(np.array(shape, np.int64))
        parts = [self._count(n.factor) if isinstance(n, Batch) else self.graph.constant(np.array([n])) for n in shape]
        return self.graph.add("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]

    def _count(self, factor: int) -> str:
        """Return the name of an array (1,) with so many times the number of samples."""
        count = self.graph.add("Shape", self.x, start=0, end=1)
        return count if factor == 1 else self.graph.add("Mul", count, self.graph.constant(np.array([factor])))

    # Each of the following converts one function, or several.

    def _reshape(self, given: Mapping[str, Any], result: Array) -> str:
        x, shape = self._node(given["x"]), given["shape"]
        shape = list(shape if isinstance(shape, tuple) else (shape,))
        batches = [n for n, size in enumerate(shape) if isinstance(size, Batch)]
        if batches == [0] and shape[0].factor == 1 and x.ndim and x.sample.shape[0] == self.samples:
            shape[0] = 0  # the size that the axis has
        elif len(batches) == 1 and -1 not in shape:
            shape[batches[0]] = -1
        return self.graph.add("Reshape", x.name, self._shape(tuple(shape)))

    def _getitem(self, given: Mapping[str, Any], result: Array) -> str:
        x, key = self._node(given["x"]), given["key"]
        key = list(key if isinstance(key, tuple) else (key,))
        if any(isinstance(each, (Value, Batch, bool, tuple)) for each in key):
            raise UntraceableError("takes entries by an array: take them by take")
        if ... not in key:
            key.append(...)
        place, missing = key.index(...), x.ndim - sum(each is not None and each is not ... for each in key)
        key[place : place + 1] = [slice(None)] * missing
        starts, ends, axes, steps, dropped, added, axis, kept = [], [], [], [], [], [], 0, 0
        for each in key:
            if each is None:
                added.append(kept)
                kept += 1
                continue
            if isinstance(each, slice):
                if any(isinstance(n, Batch) for n in (each.start, each.stop, each.step)):
                    raise UntraceableError("takes some of the samples")
                step = 1 if each.step is None else each.step
                start = each.start if each.start is not None else 0 if step > 0 else LAST
                end = each.stop if each.stop is not None else LAST if step > 0 else -LAST
                kept += 1
            else:
                start, step, end = each, 1, each + 1 or LAST
                dropped.append(axis)
            if (start, end, step) != (0, LAST, 1):
                starts, ends, axes, steps = [*starts, start], [*ends, end], [*axes, axis], [*steps, step]
            axis += 1
        name = x.name
        if axes:
            name = self.graph.add(
                "Slice", name, *(self.graph.constant(np.array(n)) for n in (starts, ends, axes, steps))
            )
        if dropped:
            name = self.graph.add("Squeeze", name, self.graph.constant(np.array(dropped)))
        return self.graph.add("Unsqueeze", name, self.graph.constant(np.array(added))) if added else name

    def _join(self, given: Mapping[str, Any], result: Array) -> str:
        axis = given.get("axis", 0) % result.ndim
        names = [self._node(each, result.dtype).name for each in given["arrays"]]
        if result.ndim > self._node(given["arrays"][0]).ndim:  # stack
            names = [self.graph.add("Unsqueeze", name, self.graph.constant(np.array([axis]))) for name in names]
        return self.graph.add("Concat", *names, axis=axis)

    def _transpose(self, x: Node, order: Sequence[int]) -> str:
        return self.graph.add("Transpose", x.name, perm=[n % x.ndim for n in order])

    def _moveaxis(self, given: Mapping[str, Any], result: Array) -> str:
        x = self._node(given["x"])
        source, destination = (
            [n % x.ndim for n in (each if isinstance(each, tuple) else (each,))]
            for each in (given["source"], given["destination"])
        )
        rest = [n for n in range(x.ndim) if n not in source]
        for to, of in sorted(zip(destination, source, strict=True)):
            rest.insert(to, of)
        return self._transpose(x, rest)

    def _swap(self, given: Mapping[str, Any], result: Array) -> str:
        x = self._node(given["x"])
        return self._transpose(x, [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])

    def _fill_shape(self, given: Mapping[str, Any], result: Array, value: Any) -> str:
        shape = (
            self._shape(given["shape"]) if "shape" in given else self.graph.add("Shape", self._node(given["x"]).name)
        )
        return self.graph.add("Expand", self._node(value, result.dtype).name, shape)

    def _where(self, given: Mapping[str, Any], result: Array) -> str:
        names = [self._node(given[key], result.dtype).name for key in ("x", "y")]
        return self.graph.add("Where", self._node(given["condition"], bool).name, *names)

    def _clip(self, given: Mapping[str, Any], result: Array) -> str:
        name = self._node(given["x"], result.dtype).name
        for key, operator in (("min", "Max"), ("max", "Min")):
            if given.get(key) is not None:
                name = self.graph.add(operator, name, self._node(given[key], result.dtype).name)
        return name

    def _test(self, given: Mapping[str, Any], result: Array, operator: str) -> str:
        x = self._node(given["x"], bool)
        return self.graph.cast(self._reduce(operator, Node(self.graph.cast(x.name, np.int32), x.sample), given), bool)

    def _find(self, given: Mapping[str, Any], result: Array, operator: str) -> str:
        x, axis, keepdims = self._node(given["x"]), given.get("axis"), int(given.get("keepdims", False))
        if axis is None:
            x, axis = Node(self.graph.add("Reshape", x.name, self.graph.constant(np.array([-1]))), x.sample.ravel()), 0
            if keepdims:
                raise UntraceableError("calls argmax of all axes with keepdims=")
        return self.graph.add(operator, x.name, axis=axis % x.ndim, keepdims=keepdims)

    def _take(self, given: Mapping[str, Any], result: Array) -> str:
        x, indices = self._node(given["x"]), given["indices"]
        if given.get("axis") is None and x.ndim > 1:
            raise UntraceableError("calls take without axis=")
        return self.graph.add(
            "Gather", x.name, self._node(indices, np.int64).name, axis=(given.get("axis") or 0) % x.ndim
        )

    def _squeeze(self, given: Mapping[str, Any]) -> str:
        x, axis = self._node(given["x"]), given["axis"]
        axes = [n % x.ndim for n in (axis if isinstance(axis, tuple) else (axis,))]
        return self.graph.add("Squeeze", x.name, self.graph.constant(np.array(axes)))

    def _tensordot(self, given: Mapping[str, Any], result: Array) -> str:
        one, other = self._pair(given, result)
        axes: Any = given.get("axes", 2)
        if isinstance(axes, int):
            axes = [*range(one.ndim - axes, one.ndim)], [*range(axes)]
        first, second = (
            [n % each.ndim for n in (a if isinstance(a, (tuple, list)) else (a,))]
            for each, a in zip((one, other), axes, strict=True)
        )
        letters = "abcdefghijklmnopqrstuvwxyz"
        left, right = letters[: one.ndim], [*letters[one.ndim : one.ndim + other.ndim]]
        for a, b in zip(first, second, strict=True):
            right[b] = left[a]
        rest = [c for n, c in enumerate(left) if n not in first] + [c for n, c in enumerate(right) if n not in second]
        return self.graph.add("Einsum", one.name, other.name, equation=f"{left},{''.join(right)}->{''.join(rest)}")

    def _convolve(self, given: Mapping[str, Any], result: Array) -> str:
        x, weights = self._node(given["x"]), fill(given["weights"], self.values, 0).astype(result.dtype)
        (top, bottom), (left, right) = given["padding"]
        kernel = weights.shape[2:]
        if result.dtype == np.float32:
            more = {"kernel_shape": kernel, "strides": given["stride"], "pads": (top, left, bottom, right)}
            return self.graph.add("Conv", x.name, self._node(given["weights"], result.dtype).name, **more)
        # onnxruntime has no Conv of float64: windows are gathered, and multiplied with the weights as one matrix.
        (samples, channels, height, width), (filters, down, across) = x.sample.shape, result.shape[1:]
        name = x.name
        if top or left or bottom or right:
            height, width = height + top + bottom, width + left + right
            name = self.graph.add("Pad", name, self.graph.constant(np.array([0, 0, top, left, 0, 0, bottom, right])))
        rows = np.arange(down)[:, None] * given["stride"][0] + np.arange(kernel[0])[:, None, None, None]
        columns = np.arange(across) * given["stride"][1] + np.arange(kernel[1])[:, None, None]
        places = (rows * width + columns).reshape(-1)
        name = self.graph.add("Reshape", name, self.graph.constant(np.array([0, channels, height * width])))
        name = self.graph.add("Gather", name, self.graph.constant(places), axis=2)
        name = self.graph.add(
            "Reshape", name, self.graph.constant(np.array([0, channels * math.prod(kernel), down * across]))
        )
        matrix = self.graph.constant(weights.reshape(filters, -1), "weights")
        name = self.graph.add("MatMul", matrix, name)
        return self.graph.add("Reshape", name, self.graph.constant(np.array([0, filters, down, across])))

    def _pool(self, given: Mapping[str, Any], result: Array) -> str:
        return self.graph.add(
            "MaxPool", self._node(given["x"]).name, kernel_shape=given["size"], strides=given["stride"]
        )

    def _arange(self, given: Mapping[str, Any], result: Array) -> str:
        numbers = [given.get("start", 0), given.get("stop"), given.get("step", 1)]
        numbers[:2] = (0, numbers[0]) if numbers[1] is None else numbers[:2]
        zero = self.graph.constant(np.array([0]))
        names = [
            self.graph.cast(self.graph.add("Squeeze", self._count(n.factor), zero), result.dtype)
            if isinstance(n, Batch)
            else self._node(n, result.dtype).name
            for n in numbers
        ]
        return self.graph.add("Range", *names)


def _has_batch(item: Any) -> bool:
    match item:
        case Batch():
            return True
        case dict():
            return any(map(_has_batch, item.values()))
        case tuple():
            return any(map(_has_batch, item))
        case slice():
            return _has_batch((item.start, item.stop, item.step))
    return False


Converter = Callable[[_Steps, Mapping[str, Any], Array], str]
_CONVERTERS: dict[str, Converter] = {
    "all": lambda steps, given, result: steps._test(given, result, "ReduceMin"),
    "any": lambda steps, given, result: steps._test(given, result, "ReduceMax"),
    "arange": _Steps._arange,
    "argmax": lambda steps, given, result: steps._find(given, result, "ArgMax"),
    "argmin": lambda steps, given, result: steps._find(given, result, "ArgMin"),
    "astype": lambda steps, given, result: steps._node(given["x"], result.dtype).name,
    "bitwise_invert": lambda steps, given, result: steps.graph.add("Not", steps._node(given["x"], bool).name),
    "broadcast_to": lambda steps, given, result: steps.graph.add(
        "Expand", steps._node(given["x"]).name, steps._shape(given["shape"])
    ),
    "clip": _Steps._clip,
    "concat": _Steps._join,
    "convolve": _Steps._convolve,
    "expand_dims": lambda steps, given, result: steps.graph.add(
        "Unsqueeze", steps._node(given["x"]).name, steps.graph.constant(np.array([given.get("axis", 0) % result.ndim]))
    ),
    "full": lambda steps, given, result: steps._fill_shape(given, result, given["value"]),
    "getitem": _Steps._getitem,
    "full_like": lambda steps, given, result: steps._fill_shape(given, result, given["value"]),
    "logical_not": lambda steps, given, result: steps.graph.add("Not", steps._node(given["x"], bool).name),
    "matrix_transpose": _Steps._swap,
    "moveaxis": _Steps._moveaxis,
    "ones": lambda steps, given, result: steps._fill_shape(given, result, 1),
    "ones_like": lambda steps, given, result: steps._fill_shape(given, result, 1),
    "permute_dims": lambda steps, given, result: steps._transpose(steps._node(given["x"]), given["axes"]),
    "pool_largest": _Steps._pool,
    "reshape": _Steps._reshape,
    "squeeze": lambda steps, given, result: steps._squeeze(given),
    "stack": _Steps._join,
    "take": _Steps._take,
    "tensordot": _Steps._tensordot,
    "where": _Steps._where,
    "zeros": lambda steps, given, result: steps._fill_shape(given, result, 0),
    "zeros_like": lambda steps, given, result: steps._fill_shape(given, result, 0),
}


def _vary(c: Callable[..., Any], x: Any, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Any:
    difference = c("subtract", x, c("mean", x, axis=axis, keepdims=True))
    square = c("multiply", difference, difference)
    if not correction:
        return c("mean", square, axis=axis, keepdims=keepdims)
    ones = c("ones_like", square)
    count = c("subtract", c("sum", ones, axis=axis, keepdims=keepdims), float(correction))
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
    "positive": lambda c, x: x,
    "remainder": lambda c, x, y: c("subtract", x, c("multiply", c("floor", c("divide", x, y)), y)),
    "sinh": lambda c, x: c("multiply", c("subtract", c("exp", x), c("exp", c("negative", x))), 0.5),
    "square": lambda c, x: c("multiply", x, x),
    "std": lambda c, x, **settings: c("sqrt", _vary(c, x, **settings)),
    "tan": lambda c, x: c("divide", c("sin", x), c("cos", x)),
    "trunc": lambda c, x: c("multiply", c("sign", x), c("floor", c("abs", x))),
    "var": _vary,
}
"""Functions that ONNX lacks, or that onnxruntime lacks in float64, by others."""
