"""Arrays that record the functions they are given to."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from types import EllipsisType
from typing import Any

import array_api_compat.numpy as xp
import attrs
import numpy as np

from modnet import Array
from modnet_export.operators import OPERATORS

_UNARY = """abs acos acosh asin asinh atan atanh bitwise_invert ceil cos cosh exp expm1 floor isfinite isinf isnan log
    log10 log1p log2 logical_not negative positive round sign sin sinh sqrt square tan tanh trunc"""
_BINARY = """add atan2 bitwise_and bitwise_or bitwise_xor divide equal floor_divide greater greater_equal less
    less_equal logaddexp logical_and logical_or logical_xor matmul maximum minimum multiply not_equal pow remainder
    subtract"""
_REDUCTIONS = "all any argmax argmin max mean min prod sum"
FUNCTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_UNARY.split(), ("x",)),
    **dict.fromkeys(_BINARY.split(), ("x", "y")),
    **dict.fromkeys(_REDUCTIONS.split(), ("x", "*axis", "*keepdims")),
    **dict.fromkeys(("std", "var"), ("x", "*axis", "*correction", "*keepdims")),
    "arange": ("start", "stop", "step", "*dtype"),
    "astype": ("x", "dtype"),
    "broadcast_to": ("x", "shape"),
    "clip": ("x", "min", "max"),
    "concat": ("arrays", "*axis"),
    "cumulative_sum": ("x", "*axis"),
    "expand_dims": ("x", "*axis"),
    "flip": ("x", "*axis"),
    "full": ("shape", "value", "*dtype"),
    "full_like": ("x", "value", "*dtype"),
    "getitem": ("x", "key"),
    "matrix_transpose": ("x",),
    "moveaxis": ("x", "source", "destination"),
    "ones": ("shape", "*dtype"),
    "ones_like": ("x", "*dtype"),
    "permute_dims": ("x", "axes"),
    "reshape": ("x", "shape"),
    "roll": ("x", "shift", "*axis"),
    "sort": ("x", "*axis", "*descending"),
    "squeeze": ("x", "axis"),
    "stack": ("arrays", "*axis"),
    "take": ("x", "indices", "*axis"),
    "take_along_axis": ("x", "indices", "*axis"),
    "tensordot": ("x", "y", "*axes"),
    "where": ("condition", "x", "y"),
    "zeros": ("shape", "*dtype"),
    "zeros_like": ("x", "*dtype"),
    **{name: parameters for name, (_, parameters) in OPERATORS.items()},
}
"""The functions that a trace can hold, with their parameters; those with * are passed by name."""

_NAMES = {
    "absolute": "abs", "amax": "max", "amin": "min", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin",
    "arcsinh": "asinh", "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "concatenate": "concat",
    "cumsum": "cumulative_sum", "fabs": "abs", "invert": "bitwise_invert", "power": "pow", "rint": "round",
    "true_divide": "divide",
}  # fmt: skip
"""The standard's names of NumPy's functions that have another one."""

_ALIASES = {
    "a": "x",
    "arr": "x",
    "a_min": "min",
    "a_max": "max",
    "newshape": "shape",
    "fill_value": "value",
    "x1": "x",
    "x2": "y",
}
_CONSTANTS = ("e", "inf", "nan", "newaxis", "pi")
_DTYPES = ("bool", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_FACTS = ("can_cast", "finfo", "iinfo", "isdtype", "result_type")
_HARMLESS = {"order": ("K", "A", "C"), "copy": (True, False, None), "subok": (True, False), "casting": ("same_kind",)}


class UntraceableError(AttributeError, TypeError):
    """A function of traced arrays that no trace, or no format, can hold; `layer` is the place of the layer, or 0."""

    layer = 0


@attrs.frozen
class Value:
    """An array of a trace, by its name."""

    name: str


@attrs.frozen
class Step:
    """A call of a function of the array API standard; arguments may be nested in tuples and slices."""

    result: str
    function: str
    arguments: dict[str, Any]
    layer: int
    """The place of the layer that made it, from 1 on."""


@attrs.define
class Trace:
    """The steps that were recorded so far, with what they begin with: constant arrays by their names."""

    constants: dict[str, Array] = attrs.field(factory=dict)
    steps: list[Step] = attrs.field(factory=list)
    layer: int = 0

    def create(self, name: str, value: Array) -> Traced:
        """Return a traced array that no step of the trace makes."""
        return Traced(self, name, value)

    def create_constant(self, value: Any) -> Traced:
        """Return a traced array that is the same for all samples."""
        name = f"c{len(self.constants) + 1}"
        self.constants[name] = np.array(value)
        return Traced(self, name, self.constants[name])

    def call(self, function: str, *args: Any, **kwargs: Any) -> Traced:
        """Call a function, record it, and return its traced result; raises UntraceableError."""
        arguments = _bind(function, args, kwargs)
        value = np.asarray(call(function, _map(arguments, _to_concrete)))
        name = f"z{len(self.steps) + 1}"
        self.steps.append(Step(name, function, _map(arguments, self._to_value), self.layer))
        return Traced(self, name, value)

    def _to_value(self, item: Any) -> Any:
        if isinstance(item, Traced):
            return Value(item.name)
        if isinstance(item, (np.ndarray, np.generic)):
            return Value(self.create_constant(item).name)
        return item


def call(function: str, arguments: dict[str, Any]) -> Any:
    """Return what a function of a trace makes of NumPy's arrays, without warnings of numbers that are not finite."""
    if function == "getitem":
        return arguments["x"][arguments["key"]]
    starred = {f"*{name}" for name in arguments} & {*FUNCTIONS[function]}
    args = [value for name, value in arguments.items() if f"*{name}" not in starred]
    called = OPERATORS[function][0] if function in OPERATORS else getattr(xp, function)
    with np.errstate(all="ignore"):
        return called(*args, **{name[1:]: arguments[name[1:]] for name in starred})


def _bind(function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by the names of its parameters; raises UntraceableError."""
    parameters = [name.lstrip("*") for name in FUNCTIONS[function]]
    given = dict(zip(parameters, args, strict=False))
    needed = [name for name in FUNCTIONS[function] if "*" not in name]
    if len(args) > len(needed) + (len(parameters) > len(needed)):  # NumPy's own have others behind
        raise UntraceableError(f"calls {function} with {len(args)} arguments")
    for name, value in kwargs.items():
        known = _ALIASES.get(name, name)
        if known in parameters:
            given[known] = value
        elif name == "dtype" and value is not None and function in {"sum", "prod", "mean"}:
            given["x"] = given["x"].astype(value)
        elif value is not None and not (name in _HARMLESS and value in _HARMLESS[name]) and name != "device":
            raise UntraceableError(f"calls {function} with {name}=")
    if function != "arange" and not given.keys() >= {*needed}:
        raise UntraceableError(f"calls {function} without {', '.join({*needed} - given.keys())}")
    if function == "roll" and isinstance(given.get("axis"), int):
        given["axis"] %= given["x"].ndim
    return {name: given[name] for name in parameters if name in given}


def _map(item: Any, change: Callable[[Any], Any]) -> Any:
    """Return arguments in which all that is no tuple, list, slice or table is changed."""
    match item:
        case dict():
            return {name: _map(each, change) for name, each in item.items()}
        case tuple() | list():
            return tuple(_map(each, change) for each in item)
        case slice():
            return slice(*(_map(each, change) for each in (item.start, item.stop, item.step)))
        case np.dtype() | type():
            return np.dtype(item)
        case Traced() | np.ndarray() | np.generic():
            return change(item)
        case bool() | int() | float() | None | EllipsisType():
            return item
        case _ if hasattr(item, "__index__"):
            return operator.index(item)
    raise UntraceableError(f"computes with a {type(item).__name__}")


def _to_concrete(item: Any) -> Any:
    return item.value if isinstance(item, Traced) else item


def _record_binary(function: str) -> Callable[[Traced, Any], Traced]:
    return lambda self, other: self.trace.call(function, self, other)


def _record_reflected(function: str) -> Callable[[Traced, Any], Traced]:
    return lambda self, other: self.trace.call(function, other, self)


def _record_unary(function: str) -> Callable[[Traced], Traced]:
    return lambda self: self.trace.call(function, self)


def _record_method(function: str) -> Callable[..., Traced]:
    return lambda self, *args, **kwargs: self.trace.call(function, self, *args, **kwargs)


class Traced:
    """An array of a trace: what is computed of it, by operators, methods, NumPy or its namespace, is recorded.

    It has the shape and the numbers of the array that stands for it, for code that looks at these is traced once for
    each number of samples; what depends on the numbers themselves cannot be recorded, and raises UntraceableError.
    """

    __slots__ = ("name", "trace", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, trace: Trace, name: str, value: Array) -> None:
        self.trace, self.name, self.value = trace, name, value

    def __repr__(self) -> str:
        return f"<traced {self.value.dtype} array of shape {self.shape}>"

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return Namespace(self.trace)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = _NAMES.get(ufunc.__name__, ufunc.__name__)
        if (
            method != "__call__"
            or "out" in kwargs
            or name not in FUNCTIONS
            or getattr(np, ufunc.__name__, 0) is not ufunc
        ):
            how = " with out=" if "out" in kwargs else "" if method == "__call__" else f".{method}"
            raise UntraceableError(f"calls {ufunc.__name__}{how}")
        return self.trace.call(name, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = function.__name__
        if name in _SPECIAL:
            return _SPECIAL[name](*args, **kwargs)
        if (name := _NAMES.get(name, name)) not in FUNCTIONS or not function.__module__.startswith("numpy"):
            raise UntraceableError(f"calls {function.__module__}.{name}")
        return self.trace.call(name, *args, **kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise UntraceableError("makes a NumPy array of its inputs")

    def _refuse(self, *_: Any) -> Any:
        raise UntraceableError("decides by the numbers of its inputs")

    def _refuse_assignment(self, *_: Any) -> Any:
        raise UntraceableError("assigns to some entries of an array")

    def __iter__(self) -> Iterator[Traced]:
        raise UntraceableError("goes through its inputs one by one")

    def __len__(self) -> int:
        return len(self.value)

    def __getattr__(self, name: str) -> Any:
        raise UntraceableError(f"asks an array for its {name}")

    __bool__ = __float__ = __int__ = __index__ = __complex__ = _refuse
    __setitem__ = __delitem__ = _refuse_assignment

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, with the number of samples that it is traced for."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.value.size

    @property
    def device(self) -> str:
        """The device: steps have none."""
        return "cpu"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the entries."""
        return self.value.dtype

    @property
    def T(self) -> Traced:  # noqa: N802 - NumPy's name
        """The array with its axes in reversed order."""
        return self.transpose()

    @property
    def mT(self) -> Traced:  # noqa: N802 - the standard's name
        """The array with its last two axes exchanged."""
        return self.trace.call("matrix_transpose", self)

    def transpose(self, *axes: Any) -> Traced:
        """Return the array with its axes in another order, by default reversed."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self.trace.call("permute_dims", self, tuple(order or range(self.ndim)[::-1]))

    def reshape(self, *shape: Any, **kwargs: Any) -> Traced:
        """Return the array in another shape."""
        return self.trace.call("reshape", self, shape[0] if len(shape) == 1 else shape, **kwargs)

    def ravel(self) -> Traced:
        """Return the array with one axis."""
        return self.reshape(-1)

    def swapaxes(self, one: int, other: int) -> Traced:
        """Return the array with two axes exchanged."""
        order = [*range(self.ndim)]
        order[one], order[other] = order[other], order[one]
        return self.transpose(order)

    def __getitem__(self, key: Any) -> Traced:
        places = key if isinstance(key, tuple) else (key,)
        arrays = tuple(np.array(each) if isinstance(each, list) else each for each in places)
        return self.trace.call("getitem", self, arrays)

    def copy(self, order: str = "C") -> Traced:  # noqa: ARG002 - an order in memory is none of a step
        """Return the array itself: nothing can change it."""
        return self

    flatten = ravel
    __neg__, __pos__, __abs__, __invert__ = map(_record_unary, ("negative", "positive", "abs", "bitwise_invert"))
    __add__, __radd__ = _record_binary("add"), _record_reflected("add")
    __sub__, __rsub__ = _record_binary("subtract"), _record_reflected("subtract")
    __mul__, __rmul__ = _record_binary("multiply"), _record_reflected("multiply")
    __truediv__, __rtruediv__ = _record_binary("divide"), _record_reflected("divide")
    __floordiv__, __rfloordiv__ = _record_binary("floor_divide"), _record_reflected("floor_divide")
    __mod__, __rmod__ = _record_binary("remainder"), _record_reflected("remainder")
    __pow__, __rpow__ = _record_binary("pow"), _record_reflected("pow")
    __matmul__, __rmatmul__ = _record_binary("matmul"), _record_reflected("matmul")
    __and__, __rand__ = _record_binary("bitwise_and"), _record_reflected("bitwise_and")
    __or__, __ror__ = _record_binary("bitwise_or"), _record_reflected("bitwise_or")
    __xor__, __rxor__ = _record_binary("bitwise_xor"), _record_reflected("bitwise_xor")
    __lt__, __le__ = _record_binary("less"), _record_binary("less_equal")
    __gt__, __ge__ = _record_binary("greater"), _record_binary("greater_equal")
    __eq__, __ne__ = _record_binary("equal"), _record_binary("not_equal")  # type: ignore[assignment]
    all, any, max, mean, min, prod, std, sum, var = map(
        _record_method, ("all", "any", "max", "mean", "min", "prod", "std", "sum", "var")
    )
    argmax, argmin, astype, clip, round, squeeze, take = map(
        _record_method, ("argmax", "argmin", "astype", "clip", "round", "squeeze", "take")
    )


def _split(x: Traced, parts: Any, axis: int = 0) -> list[Traced]:
    """Return the parts of an array: so many, or those between some places."""
    axis, size = axis % x.ndim, x.shape[axis]
    if isinstance(parts, int) and size % parts:
        raise UntraceableError(f"splits {size} in {parts} parts")
    ends = [n * (size // parts) for n in range(1, parts)] if isinstance(parts, int) else [*parts]
    pairs = zip([0, *ends], [*ends, size], strict=True)
    return [x[(*[slice(None)] * axis, slice(start, end))] for start, end in pairs]


def _unstack(x: Traced, /, *, axis: int = 0) -> tuple[Traced, ...]:
    """Return the entries along an axis."""
    return tuple(x[(*[slice(None)] * (axis % x.ndim), n)] for n in range(x.shape[axis]))


_SPECIAL: dict[str, Callable[..., Any]] = {
    "copy": lambda x, *_, **__: x,
    "dot": operator.matmul,
    "ndim": lambda x: x.ndim,
    "ravel": lambda x, *_, **__: x.ravel(),
    "result_type": lambda *args: np.result_type(*(a.dtype if isinstance(a, Traced) else a for a in args)),
    "shape": lambda x: x.shape,
    "size": lambda x: x.size,
    "split": _split,
    "swapaxes": lambda x, one, other: x.swapaxes(one, other),
    "transpose": lambda x, axes=None: x.transpose(axes) if axes else x.transpose(),
}
"""NumPy's functions that the standard lacks, and facts about arrays, which are no steps."""


class Namespace:
    """The array API standard's functions, for traced arrays: each call is recorded.

    >>> trace = Trace()
    >>> x = trace.create("x", np.ones((2, 3)))
    >>> y = x.__array_namespace__().exp(-x)
    >>> [step.function for step in trace.steps], y.shape
    (['negative', 'exp'], (2, 3))
    """

    __name__ = __name__  # by which others tell libraries apart

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Namespace) and self._trace is other._trace

    def __hash__(self) -> int:
        return id(self._trace)

    def __getattr__(self, name: str) -> Any:
        if name == "unstack":
            return _unstack
        if name in _CONSTANTS or name in _DTYPES:
            return getattr(xp, name)
        if name in _FACTS:
            return lambda *args: getattr(xp, name)(*(a.dtype if isinstance(a, Traced) else a for a in args))
        if name not in FUNCTIONS or name in OPERATORS:
            raise UntraceableError(f"calls {name} of the array API standard, or of a library")
        return lambda *args, **kwargs: self._trace.call(name, *args, **kwargs)

    def asarray(self, value: Any, *, dtype: Any = None, **_: Any) -> Any:
        """Return a traced array, or an array of numbers, perhaps in another dtype."""
        found = value if isinstance(value, Traced) else self._trace.create_constant(np.asarray(value))
        return found if dtype is None or found.dtype == dtype else found.astype(dtype)
