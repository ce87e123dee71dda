"""Arrays of other libraries than NumPy as numbers, and what holds none."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import is_array_api_obj, is_torch_array

from modnet import Array, DataError, ShapeError, to_numpy

HEAVIEST = 1e30  # weight, which float32 can add up


def describe_odd(given: Any, *, in_numpys_dtypes: bool = False) -> str:
    """Return what a value is, where it is no array of a library with real numbers in rows; else "".

    With `in_numpys_dtypes` NumPy must have its dtype, too.

    >>> describe_odd([1, 2])
    'a list'
    """
    if hasattr(given, "toarray"):
        return f"a {type(given).__name__}, which is sparse: give its toarray()"
    if not is_array_api_obj(given):
        return f"a {type(given).__name__}"
    if is_torch_array(given) and (found := _describe_tensor(given)):
        return found
    name = str(given.dtype).rpartition(".")[2]
    if name.startswith("complex") or (in_numpys_dtypes and not hasattr(np, name)):
        return f"an array of {given.dtype}"
    return ""


def _describe_tensor(tensor: Any) -> str:
    if tensor.is_nested:
        return "a nested tensor: give rows of one length"
    if tensor.is_meta:
        return "a tensor on the device meta, which has no numbers: give it on another"
    if tensor.is_quantized:
        return "a quantized tensor: give its dequantize()"
    if str(tensor.layout) != "torch.strided":
        return f"a tensor of the layout {str(tensor.layout).removeprefix('torch.')}: give its to_dense()"
    return ""


def fetch(given: Any) -> Array:
    """Return a copy of any values as NumPy's array, without a tape; raises ShapeError where there are no numbers."""
    if not is_torch_array(given):
        is_other = is_array_api_obj(given) and not isinstance(given, (np.ndarray, np.generic))
        is_held = is_other and hasattr(given, "__dlpack__")  # Dask's arrays are not, and compute their numbers
        return np.array(np.from_dlpack(given, device="cpu") if is_held else given)
    try:
        return np.array(given.numpy(force=True))  # which drops the tape, and fetches it from its device
    except (RuntimeError, TypeError):
        if odd := _describe_tensor(given):
            raise ShapeError(f"expected numbers, found {odd}") from None
        return np.array(given.float().numpy(force=True))  # bfloat16 and others of fewer bits


def to_plain(given: Any, what: str) -> Any:
    """Return tensors, or a list or pair of them, as NumPy's arrays, and others as they are; raises DataError.

    A tape is dropped.
    """
    if isinstance(given, (list, tuple)) and any(map(is_torch_array, given[:2])):
        return type(given)(to_plain(each, what) for each in given) if type(given) in {list, tuple} else given
    odd = describe_odd(given) if hasattr(given, "toarray") else ""
    if not (odd or is_torch_array(given)):
        return given
    if odd := odd or _describe_tensor(given):
        raise DataError(f"{what}: expected numbers, found {odd}")
    return to_numpy(given)


def to_reals(values: Any, expected: str) -> Array:
    """Return a copy of numbers as float64; raises DataError with what was `expected`, where one is none or complex."""
    try:
        found = np.asarray(to_plain(values, expected))
        if found.dtype.kind == "c":
            raise DataError(f"{expected}: found {found.dtype}")
        return np.array(found, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(expected) from None


def to_weights(weights: Any, part: str, count: int) -> Array:
    """Return weights of rows as (N,) float64; raises DataError where they are not numbers >= 0, one for each row."""
    found = to_reals(weights, f"{part} weights must be numbers, one for each row")
    if found.shape != (count,):
        raise DataError(f"{part}: {count} rows need {count} weights, found weights of shape {found.shape}")
    if not (right := (found == 0) | ((found >= 1 / HEAVIEST) & (found <= HEAVIEST))).all():
        row, ends = int(np.argmin(right)), f"0 or from {1 / HEAVIEST:g} to {HEAVIEST:g}"
        raise DataError(f"{part} row {row + 1}: a weight must be a number >= 0 ({ends}), found {found[row]}")
    if count and not found.any():
        raise DataError(f"{part} weights are all 0: one at least must be above 0")
    return found
