"""Array libraries and devices, of which everything follows the parameters."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from importlib import import_module
from typing import Any, cast

import array_api_compat
import attrs
import numpy as np

from modnet.errors import MissingExtraError, ModnetError, PluginError, SettingError, ShapeError
from modnet.interfaces.part import Part
from modnet.text import describe_unknown
from modnet.types import Array, Params, is_numpy

_MODULES = {"numpy": "numpy", "torch": "array_api_compat.torch", "array-api-strict": "array_api_strict"}


@attrs.frozen
class Library:
    """An array library by its name, and one of its devices; None: it has one."""

    name: str
    _xp: Any = attrs.field(repr=False)
    device: Any = None

    def __str__(self) -> str:
        return self.name if self.device is None else f"{self.name} on {name_device(self.device)}"

    def convert(self, values: Any, dtype: Any = None, *, is_fresh: bool = False) -> Array:
        """Return values in a dtype, by default their own, as this library's; those of another share no memory.

        Only with `is_fresh`, of an array that nobody else has, they may.
        """
        if self is NUMPY:
            values = to_numpy(values)
            return values if dtype is None else values.astype(dtype, copy=False)  # type: ignore[no-any-return]
        if is_numpy(values):
            dtype = values.dtype if dtype is None else dtype
            values = values.astype(dtype, order="C", copy=not is_fresh)
        wanted = None if dtype is None else getattr(self._xp, np.dtype(dtype).name)
        if self.name == "torch" and array_api_compat.is_torch_array(values):  # `asarray` may drop the tape
            return values.to(self.device, wanted)  # type: ignore[no-any-return]
        return self._xp.asarray(values, dtype=wanted, device=self.device)  # type: ignore[no-any-return]


NUMPY = Library("numpy", np)


def find_library(name: str, device: str | None = None, dtype: Any = "float64") -> Library:
    """Return a library by its name, and a device that has a dtype; raises SettingError and MissingExtraError."""
    if name not in _MODULES:
        raise SettingError([describe_unknown("no array library", str(name), ("numpy", "torch"))], "network.array")
    if name == "numpy":
        if device not in {None, "cpu"}:
            what = f"NumPy's arrays are on the CPU, not {device!r}: choose another array library"
            raise SettingError([f"{what}, such as 'torch'"], "network.device")
        return NUMPY
    try:
        xp = import_module(_MODULES[name])
    except ImportError:
        raise MissingExtraError(f"the array library {name}", "torch") from None
    try:
        wanted = device if device is None or name == "torch" else xp.Device(device)
        one = xp.ones(1, dtype=getattr(xp, np.dtype(dtype).name), device=wanted)
        float(one[0])  # some devices hold no numbers
    except Exception as error:  # each library has its own
        what = name if device is None else f"{device!r} of {name}"
        why = f"{what} cannot hold {np.dtype(dtype).name} ({str(error).splitlines()[0]:.80})"
        raise SettingError([f"{why}; available: {', '.join(_list_devices(xp))}"], "network.device") from None
    return Library(name, xp, array_api_compat.device(one))


def _list_devices(xp: Any) -> list[str]:
    with warnings.catch_warnings(action="ignore"):  # it tries names that are no more
        found = [name_device(device) for device in xp.__array_namespace_info__().devices()]
    return [name for name in found if name != "meta"]  # which holds no numbers


def name_device(device: Any) -> str:
    """Return the name of a device, as its library takes it."""
    return str(device).partition("('")[2].partition("')")[0] or str(device)


def describe_arrays(name: str, device: str | None) -> str:
    """Return what the last bits depend on of a library's arrays, for receipts; "" of NumPy's, which is its version."""
    if name == NUMPY.name:
        return ""
    try:
        library = find_library(name, device, "float32")
    except ModnetError:
        return f"{name}, not available"
    details = ""
    if name == "torch" and library.device.type in {"cpu", "cuda"}:
        torch = import_module("torch")
        details = torch.backends.cpu.get_cpu_capability()
        if library.device.type == "cuda":
            details = f"{torch.cuda.get_device_name(library.device)}, CUDA {torch.version.cuda}"
    return f"{library} ({details})" if details else str(library)


def get_library(array: Any) -> Library:
    """Return the library that an array is of, and the device that it is on."""
    if isinstance(array, np.ndarray):
        return NUMPY
    xp = array_api_compat.array_namespace(array)
    name = xp.__name__.removeprefix("array_api_compat.").replace("_", "-")
    return Library(name, xp, array_api_compat.device(array))


def get_namespace(array: Array) -> Any:
    """Return the array API namespace of an array; of NumPy's without a search."""
    return np if is_numpy(array) else array_api_compat.array_namespace(array)


def is_other_array(value: object) -> bool:
    """Return whether a value is an array of another library than NumPy."""
    return not isinstance(value, (np.ndarray, np.generic)) and array_api_compat.is_array_api_obj(value)


def describe_odd(given: Any, **wanted: bool) -> str:
    """Return what a value is, where it is no array of another library with real numbers in rows; else ""."""
    return _tensors().describe_odd(given, **wanted)  # type: ignore[no-any-return]


def _tensors() -> Any:
    return import_module("modnet_datasets.tensors")  # not of the core


def get_dtype(array: Any) -> np.dtype[Any]:
    """Return the dtype of an array of any library as NumPy's; raises ShapeError where NumPy has none like it."""
    try:
        return np.dtype(array.dtype if isinstance(array, np.ndarray) else str(array.dtype).rpartition(".")[2])
    except TypeError:
        raise ShapeError(f"a network cannot compute in {array.dtype}: take float64 or float32") from None


def to_numpy(array: Any) -> Array:
    """Return an array of any library as NumPy's: its own as they are, others as a copy."""
    if isinstance(array, np.ndarray):
        return array
    return _tensors().fetch(array)  # type: ignore[no-any-return]


def to_numpy_all(arrays: Params) -> dict[str, Array]:
    """Return arrays by their names as NumPy's, as `to_numpy` does."""
    return {name: to_numpy(array) for name, array in arrays.items()}


def match_array(values: Any, like: Array) -> Array:
    """Return numbers, such as draws of NumPy's, as an array of the library, dtype and device of another.

    >>> modnet.match_array([1, 2], np.zeros(2, "float32"))
    array([1., 2.], dtype=float32)
    """
    if is_numpy(like):
        return np.asarray(to_numpy(values), like.dtype)
    return get_library(like).convert(values if is_other_array(values) else np.asarray(values), get_dtype(like))


def follow_library(values: Any, like: Any, part: object) -> Array:
    """Return what a part returned for an array of another library than NumPy, in its dtype; raises PluginError."""
    if type(values) is not type(like) or values.device != like.device:
        found = get_library(values) if array_api_compat.is_array_api_obj(values) else type(values).__name__
        if found != (library := get_library(like)):
            what = f"{part!r} returned an array of {found}, where one of {library} is expected"
            raise PluginError(what, "compute by array_namespace(x), or choose the array library numpy", part=part)
    if values.dtype != like.dtype:
        if not np.can_cast(get_dtype(values), get_dtype(like), "same_kind"):
            raise PluginError(f"{part!r} returned an array of {values.dtype}", f"{like.dtype} is expected", part=part)
        values = get_namespace(like).astype(values, like.dtype)
    return cast("Array", values)


def check_parts(parts: Iterable[Part], library: Library) -> None:
    """Raise SettingError with the part that computes with arrays of another library alone."""
    for part in parts:
        if (wanted := part.array_library) not in {None, library.name}:
            what = f"{part!r} computes with {wanted}'s arrays alone, and the network's are {library.name}'s"
            raise SettingError([f"{what}: choose array = {wanted!r}, or another part"], "network.array")


def copy_array(array: Array) -> Array:
    """Return a copy of an array, to write to."""
    return get_namespace(array).asarray(array, copy=True)  # type: ignore[no-any-return]


def unlock(array: Array) -> Array:
    """Return an array that may be written to: itself, or a copy of one that is locked."""
    return array if not is_numpy(array) or array.flags.writeable else np.array(array)


def drop_tape(array: Any) -> Array:
    """Return an array as it is, without torch's tape, which would keep all that is computed of it."""
    return array.detach() if array_api_compat.is_torch_array(array) else array  # type: ignore[no-any-return]


def count_writes(array: Any) -> int:
    """Return how often an array of torch has been written into, as nothing locks it; 0 of others."""
    is_counted = not is_numpy(array) and array_api_compat.is_torch_array(array) and not array.is_inference()
    return int(array._version) if is_counted else 0  # noqa: SLF001 - which torch itself checks its tape by


def total(values: Any) -> float:
    """Return the sum of all numbers."""
    return float(values.sum() if isinstance(values, np.ndarray) else to_numpy(get_namespace(values).sum(values)))
