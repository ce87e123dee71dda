"""NumPy's .npy format, whose header is matched instead of evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import IO, Any

import numpy as np

from modnet import Array, DataError
from modnet.files import printable
from modnet_data.arrays.raw import Raw, check_shape

MAGIC = b"\x93NUMPY"
ENCODINGS = {b"\1\0": "latin-1", b"\2\0": "latin-1", b"\3\0": "utf-8"}
"""Of the header, for each version of the format."""

LONGEST_HEADER = 10_000
"""Bytes, as NumPy has it; the header of an array of rows takes about a hundred."""

# A header is a dict of three entries, as Python writes it.
ENTRY = re.compile(
    r"""\s*(?P<quote>['"])(?P<key>descr|fortran_order|shape)(?P=quote)\s*:\s*"""
    r"""(?P<value>'[^'\\]*'|"[^"\\]*"|True|False|\([0-9L,\s]*\))\s*(?:,|$)"""
)
KEYS = {"descr", "fortran_order", "shape"}
FIELDS = re.compile(r"""['"]descr['"]\s*:\s*[\[(]""")
DTYPE = re.compile(r"[<>=|]?(?P<kind>[?biufcUSOMmV])[0-9]{0,9}(?:\[[0-9A-Za-z]{0,20}\])?")
OTHERS = {"O": "pickled objects", "M": "dates", "m": "durations", "V": "raw bytes"}


def npy_header(file: IO[bytes], what: str) -> Raw:
    """Return how the array lies in a file that is open at its beginning.

    Raises DataError, which begins with `what`, where it is not an array of rows: of numbers, truth values or text.
    """
    header = _read_header(file, what)
    if FIELDS.search(header):
        raise DataError(f"{what} cannot be read: it is a structured array; save its fields as columns of one array")
    entries = _find_entries(header)
    shape = re.fullmatch(r"\(((?:\s*[0-9]{1,18}L?\s*,)*)\s*([0-9]{1,18}L?)?\s*\)", entries.get("shape", ""))
    fortran = entries.get("fortran_order")
    if entries.keys() != KEYS or shape is None or fortran not in {"True", "False"}:
        found = repr(printable(header, 80))
        raise DataError(f"{what} cannot be read: expected a header with descr, fortran_order and shape, found {found}")
    sizes = tuple(int(size) for size in re.findall("[0-9]+", entries["shape"]))
    raw = Raw(sizes, _to_dtype(entries["descr"].strip("'\""), what), file.tell(), fortran == "True" and len(sizes) > 1)
    check_shape(raw, what)
    return raw


def _read_header(file: IO[bytes], what: str) -> str:
    """Return the text of the header, which is short; raises DataError where there is none."""
    magic, version = file.read(len(MAGIC)), file.read(2)
    if magic != MAGIC or len(version) < 2:
        raise DataError(f"{what} cannot be read: it does not begin as an .npy file does")
    if version not in ENCODINGS:
        expected = ", ".join(f"{known[0]}.0" for known in ENCODINGS)
        raise DataError(f"{what} cannot be read: format version {version[0]}.{version[1]}, expected one of {expected}")
    size = int.from_bytes(file.read(2 if version[0] == 1 else 4), "little")
    if size > LONGEST_HEADER:
        raise DataError(f"{what} cannot be read: a header of {size} bytes, expected at most {LONGEST_HEADER}")
    header = file.read(size)
    if len(header) < size:
        raise DataError(f"{what} cannot be read: cut off in its header")
    return header.decode(ENCODINGS[version], "replace").strip()


def _find_entries(header: str) -> dict[str, str]:
    """Return the entries of a header by their keys; none where anything else is in it."""
    entries: dict[str, str] = {}
    at, end = 1, len(header) - 1
    while header[:1] == "{" and header[-1:] == "}" and header[at:end].strip():
        found = ENTRY.match(header[:end], at)
        if found is None or found["key"] in entries:
            return {}
        entries[found["key"]] = found["value"]
        at = found.end()
    return entries


def _to_dtype(code: str, what: str) -> np.dtype[Any]:
    kind = DTYPE.fullmatch(code)
    if kind is not None and kind["kind"] in OTHERS:
        holds = f"it holds {OTHERS[kind['kind']]}, expected numbers or text"
        raise DataError(f"{what} cannot be read: {holds}; save it as such, by its astype(float) or astype(str)")
    try:
        dtype = np.dtype(code) if kind else None
    except (TypeError, ValueError, OverflowError):
        dtype = None
    if dtype is None or dtype.kind not in "buifcUS":
        raise DataError(f"{what} cannot be read: values of {printable(code, 60)!r}, expected numbers or text")
    return dtype


def write_npy(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], some: Iterable[Array]) -> None:
    """Write an array row by row, in blocks."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    for block in some:
        file.write(block.tobytes())
