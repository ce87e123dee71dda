"""Mutated .npz, .npy and IDX files: read, or refused in words."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import feed, make_files, mutate

import modnet

X = np.arange(12.0).reshape(4, 3)
T = np.array([0, 1, 1, 0])
CONTENTS: list[dict[str, Any]] = [
    {"x": X, "t": T},
    {"x_train": X > 5, "y_train": np.array([*"abba"]), "x_test": X[:1] > 5, "y_test": np.array(["b"])},
    {"train_img": np.asfortranarray(X.astype(">f2")), "train_label": T[:, None].astype("u1"), "note": np.array("é")},
    {"data": X.astype(np.longdouble).reshape(4, 1, 3), "target": np.array([b"oak", b"ash", b"ash", b"oak"])},
]
TOKENS = [b"(", b")", b"[", b"]", b"{", b"}", b"-", b"9", b",", b"'", b"'<f8'", b"'|O'", b"'<U9'", b"1e9", b"\0", b"PK"]


def npz(arrays: dict[str, Any], save: Callable[..., None]) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def idx(array: Any) -> bytes:
    code = {"u1": 8, "i1": 9, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    shape = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return shape + array.astype(array.dtype.newbyteorder(">")).tobytes()


ARCHIVES = [npz(arrays, save) for arrays in CONTENTS for save in (np.savez, np.savez_compressed)]
PAIRS = [(npy(x), npy(t)) for x, t, *_ in (tuple(arrays.values()) for arrays in CONTENTS)]
IDX = [
    tuple(idx(a) for a in pair)
    for pair in ((X.astype("u1"), T.astype("u1")), (X.reshape(4, 3, 1), T.astype("i1")), (X.astype("f4"), T * 1.0))
]
PACKED = [bytes, gzip.compress, bz2.compress]
NAMES = {"npy": ("{}-x.npy", "{}-t.npy"), "idx": ("{}-train-images-idx3-ubyte", "{}-train-labels-idx1-ubyte")}


def make(draw: random.Random) -> tuple[str, bytes]:
    """Return a changed archive, or one changed file of two; its name says which one it was."""
    kind = draw.choice(["npz", "npz", "npy", "npy", "idx"])
    if kind == "npz":
        i = draw.randrange(len(ARCHIVES))
        return f"{i}.npz", mutate(draw, ARCHIVES[i], tokens=TOKENS)
    pairs = PAIRS if kind == "npy" else IDX
    i, which, packed = draw.randrange(len(pairs)), draw.randrange(2), draw.choice(PACKED)
    content = pairs[i][which]
    if draw.random() < 0.2:
        return NAMES[kind][which].format(i), mutate(draw, packed(content))
    return NAMES[kind][which].format(i), packed(mutate(draw, content, tokens=TOKENS))


def judge(path: Path) -> str:
    """Read a file, alone or in a folder beside what belongs to it; what has a checksum is as it was."""
    name, kind = path.name, next(kind for kind in ("npz", "npy", "idx") if kind in path.name)
    if kind == "npz":
        return check(path, kind, good(int(path.stem)))
    i, folder = int(name.partition("-")[0]), path.with_name(f"{name}-folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        for content, each in zip((PAIRS if kind == "npy" else IDX)[i], NAMES[kind], strict=True):
            target = folder / each.format(i).partition("-")[2]
            target.write_bytes(path.read_bytes() if each.format(i) == name else content)
        check(folder / NAMES[kind][0].partition("-")[2], kind)
        return check(folder, kind)
    finally:
        shutil.rmtree(folder)


@functools.cache
def good(i: int) -> modnet.Dataset:
    path = Path("good.npz")
    path.write_bytes(ARCHIVES[i])
    return modnet.load(path, scale=1)


def check(path: Path, kind: str, expected: modnet.Dataset | None = None) -> str:
    source = modnet.source(kind, scale=1)
    data = source.read(path)
    data.check()
    source.read_rows(path, data.features)
    if expected:
        assert data.classes == expected.classes
        for part in ("train", "test"):
            found, wanted = (getattr(each, part) for each in (data, expected))
            np.testing.assert_array_equal(found.x, wanted.x)
            np.testing.assert_array_equal(found.t, wanted.t)
    return "read"


@pytest.mark.check
def test_mutated_arrays_are_read_or_refused(tmp_path: Path) -> None:
    counts, faults = feed("test_fuzz_arrays:judge", make_files(5000, 0, make), tmp_path)
    assert not faults
    assert counts["read"] > 300
    assert counts["refused"] > 2500
