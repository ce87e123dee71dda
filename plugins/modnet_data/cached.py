"""Arrays converted from files once and mapped into memory."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, final

import numpy as np

from modnet import Array, DataError
from modnet.files import (
    ABOUT,
    ARRAYS,
    cache_folder,
    digest,
    hash_file,
    hold_lock,
    read_note,
    reading,
    remove,
    sync_folder,
    telling,
    write_note,
)

SMALL = 2**22  # files of fewer bytes are converted anew each time, in memory
MAPPED = 2**20  # bytes from which on an array stays in its file
PROMOTED = 2**20  # numbers at a time
NEW, LOCK = ".new", ".lock"  # suffixes of an entry that is being made
ELSEWHERE = "set MODNET_CACHE to another folder"

Facts = dict[str, Any]
Entry = tuple[Mapping[str, Array], Facts]
Put = Callable[[str, Array], None]


def arrays_of(path: Path, recipe: str, convert: Callable[[Put], Facts]) -> tuple[Mapping[str, Array], Facts]:
    """Return the arrays that a file is converted to, read only, and the facts that `convert` returns (JSON).

    `convert(put)` reads the file and calls `put(name, block)`: blocks of one name become one array, along the first
    axis, of the first dtype that holds them all. For a file of 4 MiB or more it is called once for each content and
    `recipe` (the settings and the version of the conversion): the arrays are stored in the cache folder and mapped
    into memory. They are converted anew where the entry is not what was stored, and in memory, with a warning, where
    nothing can be stored. Raises DataError where blocks do not fit each other, and what `convert` raises; nothing is
    stored then.
    """
    with reading(path):
        small = path.stat().st_size < SMALL
    if small:
        return _in_memory(convert)
    about = {"content": digest(path), "recipe": recipe}
    entry = cache_folder() / ARRAYS / sha256(json.dumps([*about.values()]).encode()).hexdigest()[:32]
    why = ""
    try:
        if found := _read_entry(entry, about) or _store(entry, {"file": str(path.resolve()), **about}, convert):
            return found
    except (_UnwritableError, OSError) as error:
        why = f" ({getattr(error, 'strerror', error)})"
    found = _in_memory(convert)  # which raises what is wrong with the file, and not with the cache
    _warn_once(f"{entry.parent}: the cache folder cannot be written{why}: files are read into memory; {ELSEWHERE}")
    return found


class _UnwritableError(BaseException):
    """An error of the cache, which nothing in `convert` takes for one of the file."""


@cache
def _warn_once(message: str) -> None:
    """Warn of a cache folder once in a process: every large file would have the same warning."""
    warnings.warn(message, stacklevel=3)


def _store(entry: Path, about: Mapping[str, str], convert: Callable[[Put], Facts]) -> Entry | None:
    """Convert a file to a new entry and return it, one process or thread at a time: the others wait, and find it there.

    Raises OSError and _UnwritableError where the cache cannot be written, and what `convert` raises.
    """
    new, files = entry.with_suffix(NEW), dict[str, _ArrayFile]()

    def put(name: str, block: Array) -> None:
        try:
            if name not in files:
                files[name] = _ArrayFile(new / f"{name}.raw", block.dtype, block.shape[1:])
            files[name].append(block)
        except OSError as error:
            raise _UnwritableError(error.strerror) from None

    entry.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(entry.with_suffix(LOCK), wait=True):
        if found := _read_entry(entry, about):
            return found
        remove(new)  # what a process has left that was killed
        new.mkdir()
        try:
            facts = convert(put)
            arrays = {name: file.finish() for name, file in files.items()}
            write_note(new / ABOUT, {**about, "arrays": arrays, "facts": facts})
            sync_folder(new)
            remove(entry)  # a damaged one
            new.rename(entry)
            sync_folder(entry.parent)
        finally:
            for file in files.values():
                file.close()
            remove(new)
        return _read_entry(entry, about)


def _in_memory(convert: Callable[[Put], Facts]) -> Entry:
    blocks: dict[str, list[Array]] = {}

    def put(name: str, block: Array) -> None:
        blocks.setdefault(name, []).append(block)
        _check_shape(name, block, blocks[name][0].shape[1:])

    facts = json.loads(json.dumps(convert(put)))  # as if they were stored
    arrays = {name: some[0] if len(some) == 1 else np.concatenate(some) for name, some in blocks.items()}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays, facts


def _check_shape(name: str, block: Array, shape: tuple[int, ...]) -> None:
    if block.shape[1:] != shape:
        raise DataError(f"{name}: a block of rows {block.shape[1:]} after one of {shape}")


@final
class _ArrayFile:
    """The numbers of an array in a file that grows block by block."""

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._path, self._dtype, self._shape, self._length = path, dtype, shape, 0
        self._file = path.open("w+b")

    def append(self, block: Array) -> None:
        _check_shape(self._path.stem, block, self._shape)
        if (dtype := np.promote_types(self._dtype, block.dtype)) != self._dtype:
            self._promote(dtype)
        self._file.write(block.astype(self._dtype, order="C", copy=False).tobytes())
        self._length += len(block)

    def _promote(self, dtype: np.dtype[Any]) -> None:
        """Write all blocks so far anew, in a dtype that holds them and the next one."""
        self._file.close()
        old = self._path.rename(self._path.with_suffix(".old"))
        self._file = self._path.open("w+b")
        with old.open("rb") as file:
            while len(numbers := np.fromfile(file, self._dtype, PROMOTED)):
                self._file.write(numbers.astype(dtype).tobytes())
        old.unlink()
        self._dtype = dtype

    def finish(self) -> dict[str, Any]:
        """Close the file once all is on the disk; return its SHA-256, and the dtype and the shape of the array."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.seek(0)
        sha256 = file_digest(self._file, "sha256").hexdigest()
        self._file.close()  # Windows renames no folder in which a file is open
        return {"sha256": sha256, "dtype": self._dtype.str, "shape": [self._length, *self._shape]}

    def close(self) -> None:
        with suppress(OSError):  # of what could not be written before either
            self._file.close()


def _read_entry(folder: Path, about: Mapping[str, str]) -> Entry | None:
    """Return the entry in a folder, or None where there is none, or not what was stored."""
    note = read_note(folder / ABOUT)
    try:
        if any(note[key] != value for key, value in about.items()):
            return None
        arrays = {}
        for name, stored in note["arrays"].items():
            file, dtype, shape = folder / f"{name}.raw", np.dtype(stored["dtype"]), tuple(stored["shape"])
            is_mapped = file.stat().st_size > MAPPED
            with telling(lambda *_: None):  # a large file is read again only where size or times have changed
                if (digest if is_mapped else hash_file)(file) != stored["sha256"] or dtype.hasobject:
                    return None
            array = np.memmap(file, dtype, "r", shape=shape) if is_mapped else np.fromfile(file, dtype).reshape(shape)
            array.flags.writeable = False
            arrays[name] = array
        return arrays, note["facts"]
    except (DataError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
