"""Fingerprints of data and of code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from modnet.data.dataset import Dataset
from modnet.data.samples import Samples, describe_part
from modnet.types import Array

BLOCK = 2**20  # numbers in one go; another count would make other fingerprints
CODE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)


def data_fingerprint(data: Dataset) -> dict[str, Any]:
    """Return the identity of a data set: counts, the divisor, and the SHA-256 of each part.

    It goes by numbers and their order, not by the file they were read from: the same samples have the same fingerprint
    as CSV and as a pickle, as bytes and as float64.

    >>> bytes_ = Dataset.from_arrays((np.array([[0], [7]], np.uint8), ["a", "b"]), test_fraction=0)
    >>> floats = Dataset.from_arrays((np.array([[0.0], [7.0]]), ["a", "b"]), test_fraction=0)
    >>> data_fingerprint(bytes_) == data_fingerprint(floats)
    True
    """
    parts = {describe_part(name): samples for name, samples in data.parts.items()}
    digests: dict[str, str] = {}
    for kind, samples in parts.items():
        digests[f"{kind} features"] = _features_sha256(samples)
        digests[f"{kind} labels"] = sha256(samples.t.astype("<i8").tobytes()).hexdigest()
    return {
        **{f"{kind} rows": len(samples) for kind, samples in parts.items()},
        "features": data.features,
        "classes": len(data.classes),
        "divisor": data.scale,
        **digests,
        "names of the classes": sha256(json.dumps(data.classes, default=str).encode()).hexdigest(),
    }


def _features_sha256(samples: Samples) -> str:
    digest = sha256()
    rows = max(1, BLOCK // samples.features)
    for start in range(0, len(samples), rows):
        for piece in _canonical(samples.unscaled(slice(start, start + rows))):
            digest.update(piece)
    return digest.hexdigest()


def _canonical(x: Array) -> Iterator[bytes | memoryview]:
    """Yield numbers in a form that is the same for any dtype: bytes where they are, as pixels, otherwise float64."""
    if x.dtype != np.uint8:
        numbers = np.ascontiguousarray(x, dtype="<f8")
        with np.errstate(invalid="ignore"):
            x = numbers.astype(np.uint8)
        if (x != numbers).any() or np.signbit(numbers).any():
            yield b"f8"
            yield numbers.data
            return
    yield b"u1"
    yield np.ascontiguousarray(x).data


def code_fingerprint(module: str) -> tuple[str, str]:
    """Return the outermost package, or the module, that an imported module belongs to, and the SHA-256 of its code.

    Of a package that is every Python file and every extension in it. Without a file the SHA-256 is "".

    >>> code_fingerprint("json.decoder")[0]
    'json'
    """
    parts = module.split(".")
    for name in (".".join(parts[: i + 1]) for i in range(len(parts))):
        # A namespace package has no file, and is shared by distributions: it is left out.
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(file).is_file():
            return name, _code_sha256(Path(file))
    return module, ""


def _code_sha256(file: Path) -> str:
    folder = file.parent
    files = [path for path in folder.rglob("*") if path.name.endswith(CODE)] if file.stem == "__init__" else [file]
    digest = sha256()
    for path in filter(Path.is_file, sorted(files)):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def hash_class(cls: type) -> str:
    """Return the SHA-256 of what a class of a script or a notebook does: its functions and plain values, no comments.

    >>> def make(factor):
    ...     return type("Scaled", (), {"factor": factor, "__call__": lambda self, a: a * self.factor})
    >>> hash_class(make(2)) == hash_class(make(2)), hash_class(make(2)) == hash_class(make(3))
    (True, False)
    """
    digest = sha256()
    for base in (base for base in cls.__mro__ if base.__module__ == cls.__module__):
        for name, value in sorted(vars(base).items()):
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if code := getattr(function, "__code__", None):
                digest.update(f"{name}\0{_describe_code(code)}\0".encode())
            elif isinstance(value, (bool, int, float, str, tuple)) and not name.startswith("__"):
                digest.update(f"{name}\0{value!r}\0".encode())
    return digest.hexdigest()


def _describe_code(code: CodeType) -> str:
    """Return the instructions of a function with all names and constants, without the place where it was written."""
    constants = []
    for each in code.co_consts:
        plain = sorted(each, key=repr) if isinstance(each, frozenset) else each  # the order of a set is by chance
        constants.append(_describe_code(each) if isinstance(each, CodeType) else repr(plain))
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {constants}"
