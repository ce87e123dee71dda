"""Functions of any arguments, and their derivatives, as functions of named NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import array_api_compat
import attrs
import numpy as np

from modnet.errors import SettingError, ShapeError
from modnet.randomness import Stream
from modnet.testing.gradcheck.conduct import NEW, MisconductError
from modnet.types import Array, Grads, Params, Shape

LAST_BITS = 64  # by which two calls alike may differ, as sums in another order do
TRIED = 3  # parameters beside the given ones that show a precision


@attrs.frozen(eq=False)
class Arguments:
    """The arguments of a call: a number or an array, or a tuple, list or dict of these, to any depth.

    A tuple is several arguments; all else is one.

    >>> arguments = Arguments.read({"w": [1.0, 2.0], "count": 3})
    >>> arguments.arrays, arguments.fixed
    ({'w': array([1., 2.])}, ('count',))
    >>> arguments.build({"w": np.zeros(2)})
    ({'w': array([0., 0.]), 'count': 3},)
    """

    given: Any
    arrays: Params
    """The arrays of real numbers, by name: copies."""
    fixed: tuple[str, ...]
    """The names of what is not moved: integers and whatever else there is beside real numbers."""

    @classmethod
    def read(cls, given: Any, *, only_required: bool = False) -> Arguments:
        """Return the arguments; `only_required`: of tensors only those that require a gradient, where some do.

        Raises ShapeError where nothing can be moved.
        """
        items = dict(_list_items(given))
        required = [name for name, value in items.items() if _is_tensor(value) and value.requires_grad]
        chosen = required if only_required and required else [*items]
        arrays = {name: array for name in chosen if (array := _find_numbers(name, items[name])) is not None}
        floats = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
        moved = floats or {name: array.astype(np.float64) for name, array in arrays.items()}
        moved = {name: array for name, array in moved.items() if array.size}
        if not moved:
            raise ShapeError(f"params has no real numbers, it is {type(given).__name__}: pass an array of floats")
        if bad := next((name for name, array in moved.items() if not np.isfinite(array).all()), None):
            raise ShapeError(f"{bad} has a number that is not finite: a derivative needs finite ones")
        return cls(given=given, arrays=moved, fixed=tuple(name for name in items if name not in moved))

    def build(self, params: Params, *, differentiable: bool = False) -> tuple[Any, ...]:
        """Return the arguments of a call at other arrays, which the function may write into.

        They are of the types, dtypes and devices that were given; `differentiable`: tensors require a gradient.
        """

        def convert(name: str, value: Any) -> Any:
            if name not in params:
                return value
            return _to_type_of(value, params[name], requires_grad=differentiable)

        built = _map_items(self.given, convert)
        return built if isinstance(self.given, tuple) else (built,)

    def find(self, built: tuple[Any, ...]) -> dict[str, Any]:
        """Return what is moved of arguments that were built, by name."""
        items = dict(_list_items(built if isinstance(self.given, tuple) else built[0]))
        return {name: items[name] for name in self.arrays}

    def read_gradient(self, found: Any) -> Grads:
        """Return a gradient of the structure of the arguments as arrays by name; what is missing is left out.

        Raises MisconductError where it has another structure.
        """
        if isinstance(self.given, tuple) and len(self.given) == 1 and not isinstance(found, (tuple, list)):
            found = (found,)
        pairs = dict(_pair(self.given, found, ""))
        return {name: to_array(pairs[name], name) for name in self.arrays if pairs.get(name) is not None}


def to_array(value: Any, what: str) -> Array:
    """Return a copy of numbers as a NumPy array, of a torch tensor on any device, too.

    Raises MisconductError where it is none, or not real.
    """
    try:
        array = np.array(value.detach().cpu().numpy() if _is_tensor(value) else value)
    except Exception as error:  # of third-party code
        kind = f"a tensor of {value.dtype}" if _is_tensor(value) else f"a {type(value).__name__}"
        raise MisconductError(f"{what} is {kind}, which is no array of NumPy: return numbers in float64") from error
    if array.dtype.kind not in "fiub":
        raise MisconductError(f"{what} is an array of {array.dtype}: real numbers are expected")
    return array


def _is_tensor(value: Any) -> bool:
    return bool(array_api_compat.is_torch_array(value))


def _is_container(value: Any) -> bool:
    return isinstance(value, (Mapping, tuple)) or (isinstance(value, list) and not _has_numbers_only(value))


def _has_numbers_only(value: list[Any]) -> bool:
    """Return whether a list, to any depth, is a way to write one array."""
    return all(
        _has_numbers_only(each) if isinstance(each, list) else isinstance(each, (int, float, np.number))
        for each in value
    )


def _list_children(value: Any) -> list[tuple[Any, Any]]:
    return [*(value.items() if isinstance(value, Mapping) else enumerate(value))]


def _name(above: str, container: Any, key: Any, depth: int) -> str:
    if not depth:
        return str(key) if isinstance(container, Mapping) else f"params[{key}]"
    return f"{above}[{key!r}]"


def _list_items(value: Any, above: str = "x", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield what is no container, with its name: "x" of a single one, "w" of a dict, "params[0]" of a tuple or list."""
    if not _is_container(value):
        yield above, value
        return
    for key, child in _list_children(value):
        yield from _list_items(child, _name(above, value, key, depth), depth + 1)


def _map_items(value: Any, function: Callable[[str, Any], Any], above: str = "x", depth: int = 0) -> Any:
    """Return the same structure with other items."""
    if not _is_container(value):
        return function(above, value)
    changed = {
        key: _map_items(child, function, _name(above, value, key, depth), depth + 1)
        for key, child in _list_children(value)
    }
    if isinstance(value, Mapping):
        return changed
    items = [*changed.values()]
    is_named = isinstance(value, tuple) and type(value) is not tuple
    return type(value)(*items) if is_named else type(value)(items)


def _pair(given: Any, found: Any, above: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the items of a gradient with the names of what it is the gradient by."""
    where = f" for {above}" if above else ""
    if not _is_container(given):
        yield above or "x", found
    elif isinstance(given, Mapping):
        if not isinstance(found, Mapping):
            text = f"it gives a {type(found).__name__}{where}, where the parameters are a dict"
            raise MisconductError(f"{text}: return an array by each name")
        if unknown := [key for key in found if key not in given]:
            text = f"it has {', '.join(map(repr, unknown))}, which is no parameter"
            raise MisconductError(f"{text}: leave it out")
        for key, child in given.items():
            yield from _pair(child, found.get(key), _name(above, given, key, depth), depth + 1)
    else:
        if not isinstance(found, (tuple, list)) or len(found) != len(given):
            count = f" of {len(found)}" if isinstance(found, Sequence) else ""
            text = f"it gives a {type(found).__name__}{count}{where}, where there are {len(given)} parameters"
            raise MisconductError(f"{text}: return as many arrays")
        for key, child in enumerate(given):
            yield from _pair(child, found[key], _name(above, given, key, depth), depth + 1)


def _find_numbers(name: str, value: Any) -> Array | None:
    """Return an argument as an array of floats or integers; None where it is neither."""
    if value is None or isinstance(value, (str, bytes, bool)):
        return None
    try:
        array = to_array(value, name)
    except MisconductError as error:
        if "complex" in str(error) or "bfloat16" in str(error):
            raise ShapeError(f"{error}: float64 or float32") from None
        return None
    return None if array.dtype.kind == "b" else array


def _to_type_of(given: Any, array: Array, *, requires_grad: bool) -> Any:
    """Return an array as what was given: a number, a tensor, an array of another library; else as it is."""
    if isinstance(given, (int, float)) and not isinstance(given, np.generic):
        return float(array)
    if isinstance(given, np.generic):
        return array[()]
    if _is_tensor(given):
        tensor = array_api_compat.array_namespace(given).asarray(array, device=given.device)
        return tensor.requires_grad_(requires_grad or given.requires_grad)
    if array_api_compat.is_array_api_obj(given) and not isinstance(given, np.ndarray):
        return array_api_compat.array_namespace(given).asarray(array)
    return array


@attrs.define(eq=False)
class Function:
    """A function and its derivative, called with copies, of flat arrays of outputs."""

    f: Callable[..., Any]
    grad: Any
    arguments: Arguments
    rtol: float = 0.0
    """The share of each slope by which the derivative may be off."""
    dtype: str = "float64"
    calls: int = 0
    shape: Shape | None = None
    """That of what the function returns."""

    @property
    def start(self) -> Params:
        """The parameters."""
        return self.arguments.arrays

    def evaluate(self, params: Params) -> Array:
        """Return the outputs, (outputs,), of the dtype that the function returns."""
        return self._read_value(self._call(self.f, params)[0])

    def to_float64(self) -> Function:
        """Return the same at parameters in float64."""
        arrays = {name: array.astype(np.float64) for name, array in self.start.items()}
        return Function(self.f, self.grad, attrs.evolve(self.arguments, arrays=arrays), self.rtol)

    def _call(self, function: Callable[..., Any], params: Params, what: str = "f") -> tuple[Any, Params]:
        """Return what a function returns, and the arrays that it was given, as it leaves them."""
        self.calls += what == "f"
        own = {name: array.copy() for name, array in params.items()}
        return function(*self.arguments.build(own)), own

    def _read_value(self, found: Any) -> Array:
        if self.grad is True:
            if not isinstance(found, (tuple, list)) or len(found) != 2:
                text = f"with grad=True, f must return its value and its gradient, it returned {type(found).__name__}"
                raise SettingError([f"{text}: pass the gradient as grad"], "check_derivative")
            found = found[0]
        elif isinstance(found, tuple):
            text = f"f returns a tuple of {len(found)}: return one number or array"
            raise ShapeError(f"{text}, or, where the second is the gradient, pass grad=True")
        try:
            value = to_array(found, "what f returns")
        except MisconductError as error:
            raise ShapeError(str(error)) from None
        self.shape = value.shape
        return value.reshape(-1) if value.dtype.kind == "f" else value.reshape(-1).astype(np.float64)

    def find_writes(self) -> str:
        """Return words on a function that writes into its arguments or returns an array that it uses again; else ""."""
        functions = {"f": self.f, **({"grad": self.grad} if callable(self.grad) else {})}
        for what, function in functions.items():
            found, own = self._call(function, self.start, what)
            if written := [name for name, value in self.start.items() if not _are_equal(own[name], value)]:
                return f"{what} writes into {' and '.join(written)}, which it was given: {NEW}"
            before = _copy_arrays(found)
            with suppress(Exception):  # of third-party code, which may refuse other parameters
                self._call(function, vary(self.start), what)
            if not all(map(_are_equal, before, _copy_arrays(found))):
                return f"{what} returns an array that its next call overwrites: {NEW} each time"
        return ""

    def claim(self, params: Params, weights: Array | None = None) -> Grads:
        """Return the claimed derivative as arrays of shape outputs + parameter, of sums of outputs with `weights`.

        `weights` are (sums, outputs). Raises MisconductError where it has another structure.
        """
        if self.grad is None:
            return self._differentiate(params, weights)
        if self.grad is True:
            found = self._call(self.f, params)[0]
            self._read_value(found)
            found = found[1]
        elif callable(self.grad):
            found, _ = self._call(self.grad, params, "grad")
        else:
            found = self.grad
        given = self.arguments.read_gradient(found)
        return {name: self._fit(name, value, params[name].shape, weights) for name, value in given.items()}

    def _fit(self, name: str, value: Array, shape: Shape, weights: Array | None) -> Array:
        """Return the gradient by one parameter, with the sums of outputs first."""
        whole = (*(self.shape or ()), *shape)
        size = int(np.prod(whole))
        same = value.shape == whole or _squeeze(value.shape) == _squeeze(whole)
        if not same or value.size != size:
            text = f"it has shape {value.shape}, not {whole}"
            raise MisconductError(f"{name}: {text}" + (", outputs and parameter" if self.shape else ""))
        rows = value.reshape(-1, *shape) if size else value.reshape(0, *shape)
        return rows if weights is None else np.tensordot(weights, rows.astype(np.float64), axes=1)

    def _differentiate(self, params: Params, weights: Array | None) -> Grads:
        """Return what torch's backward pass gives, a pass for each output or sum."""
        torch = _import_torch(self.start, self.arguments)
        own = {name: array.copy() for name, array in params.items()}
        built = self.arguments.build(own, differentiable=True)
        tensors = self.arguments.find(built)
        with torch.enable_grad():
            found = self.f(*built)
        value = self._read_value(found)
        rows = np.eye(len(value)) if weights is None else weights
        grads: dict[str, list[Array]] = {name: [] for name in tensors}
        for row in rows:
            if isinstance(found, torch.Tensor) and found.requires_grad:
                seeds = torch.as_tensor(row.reshape(self.shape), dtype=found.dtype, device=found.device)
                back = torch.autograd.grad(found, [*tensors.values()], seeds, retain_graph=True, allow_unused=True)
            else:
                back = [None] * len(tensors)
            for (name, rows_of), one in zip(grads.items(), back, strict=True):
                rows_of.append(np.zeros_like(params[name]) if one is None else to_array(one, name))
        return {name: np.stack(found) for name, found in grads.items()}


def _import_torch(start: Params, arguments: Arguments) -> Any:
    built = arguments.find(arguments.build(start))
    if any(type(value).__module__.partition(".")[0] != "torch" for value in built.values()):
        kind = type(next(iter(built.values()))).__name__
        text = f"grad=None is the derivative by torch's autograd, and params is of {kind}"
        raise SettingError([f"{text}: pass tensors, or the gradient as grad"], "check_derivative")
    return import_module("torch")


def _squeeze(shape: Shape) -> Shape:
    return tuple(n for n in shape if n != 1)


def _are_equal(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _copy_arrays(found: Any) -> list[Array]:
    """Return copies of all arrays in what a function returned."""
    if isinstance(found, Mapping):
        found = [*found.values()]
    if isinstance(found, (tuple, list)):
        return [array for each in found for array in _copy_arrays(each)]
    with suppress(MisconductError):
        return [to_array(found, "")]
    return []


def vary(params: Params) -> Params:
    """Return parameters nearby, where most functions are defined, too."""
    return {name: np.asarray(0.99 * array + 1e-3 * measure_sizes(array), array.dtype) for name, array in params.items()}


def measure_sizes(array: Array) -> Array:
    """Return the size of each entry; of one that is 0, that of the others, or 1."""
    sizes = np.abs(array).astype(np.float64)
    usual = float(np.median(sizes[sizes > 0])) if sizes.any() else 1.0
    return np.where(sizes > 0, sizes, usual)


def find_dtype(function: Function, stream: Stream) -> str:
    """Return the precision of a function's values: of its parameters, or of what it returns at some near them."""
    draw, start, is_coarse = stream.child("dtype").generator(), function.start, True
    dtype, numbers = min((array.dtype for array in start.values()), key=lambda dtype: dtype.itemsize), set()
    dtype = min(dtype, np.dtype(np.float64), key=lambda dtype: dtype.itemsize)  # values are compared in float64
    for _ in range(TRIED):
        moved = {name: move(array, 2.0**-4 * draw.uniform(-1, 1, array.shape)) for name, array in start.items()}
        with suppress(Exception):  # of third-party code, which may refuse other parameters
            value = function.evaluate(moved)
            dtype = min(dtype, value.dtype, key=lambda d: d.itemsize) if value.dtype.kind == "f" else dtype
            is_coarse = is_coarse and bool((value == value.astype(np.float32)).all())
            numbers |= set(value[value != value.astype(np.float16)].tolist())  # small integers say nothing
    # Of values in float64 one in 2^29 is one of float32 by chance.
    return str(np.dtype(np.float32) if is_coarse and len(numbers) >= TRIED and dtype.itemsize > 4 else dtype)


def has_coarse_inputs(function: Function, stream: Stream) -> bool:
    """Return whether a function makes float32 of its parameters: it is the same at these, and another elsewhere."""
    draw, start, values = stream.child("inputs").generator(), function.start, []
    for _ in range(TRIED):
        near = {name: move(array, 2.0**-10 * draw.uniform(-1, 1, array.shape)) for name, array in start.items()}
        as_float32 = {name: array.astype(np.float32).astype(array.dtype) for name, array in near.items()}
        try:
            values.append(function.evaluate(near))
            if not np.array_equal(values[-1], function.evaluate(as_float32)):
                return False
        except Exception:  # of third-party code, which may refuse other parameters
            return False
    # Rounding moves parameters by 2^-14 of what is between two of these: too little to show where values hardly differ.
    change = 2.0**-14 * np.abs(values[0] - values[1]).max()
    return bool(change > LAST_BITS * np.finfo(np.float64).eps * np.abs(values[0]).max())


def move(array: Array, steps: Array) -> Array:
    """Return an array with its entries moved by shares of their sizes."""
    return np.asarray(array + steps * measure_sizes(array), array.dtype)
