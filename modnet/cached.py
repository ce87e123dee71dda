"""Arrays converted from files once and mapped into memory."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from modnet.errors import DataError
from modnet.files import cache_folder, digest, reading
from modnet.files.cache import ABOUT, ARRAYS
from modnet.files.locks import hold_lock
from modnet.types import Array

SMALL = 2**22
"""Files of fewer bytes are converted anew each time, in memory."""

MAPPED = 2**20  # bytes from which on an array stays in its file
PROMOTED = 4096  # rows at a time
NEW = ".new-"
# A conversion that is older than this, in seconds, was killed.
KILLED = 86400.0

Facts = dict[str, Any]
Put = Callable[[str, Array], None]


def arrays_of(path: Path, recipe: str, convert: Callable[[Put], Facts]) -> tuple[Mapping[str, Array], Facts]:
    """Return the arrays that a file is converted to, read only, and the facts that `convert` returns (JSON).

    `convert(put)` reads the file and calls `put(name, block)`: blocks of one name become one array, along the first
    axis, of the first dtype that holds them all. For a file of 4 MiB or more it is called once for each content and
    `recipe` (the settings and the version of the conversion): the arrays are stored in the cache folder and mapped
    into memory. Raises DataError where blocks do not fit each other, and what `convert` raises; nothing is stored then.
    """
    with reading(path):
        small = path.stat().st_size < SMALL
    if small:
        return _in_memory(convert)
    key = sha256(json.dumps([digest(path), recipe]).encode()).hexdigest()[:32]
    folder = cache_folder() / ARRAYS / key
    if (entry := _read_entry(folder)) is not None:
        return entry
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=NEW))
    except OSError as error:
        what = f"the cache folder cannot be written ({error.strerror}: {folder.parent})"
        warnings.warn(f"{what}; {path} is read into memory; set MODNET_CACHE to another folder", stacklevel=2)
        return _in_memory(convert)
    _store(folder, new, {"file": str(path.resolve()), "recipe": recipe}, convert)
    if (entry := _read_entry(folder)) is None:
        raise DataError(f"{folder}: cannot be read back: try again, or set MODNET_CACHE to another folder")
    return entry


def _store(folder: Path, new: Path, about: dict[str, str], convert: Callable[[Put], Facts]) -> None:
    """Convert a file in the folder `new`, which then takes its place as the entry `folder`."""
    try:
        facts = _write(new, convert)
        names = [file.stem for file in new.glob("*.npy")]
        (new / ABOUT).write_text(json.dumps({**about, "arrays": names, "facts": facts}))
        # At once, or not where an entry is there: another process was faster, and its entry is the same.
        with suppress(OSError):
            new.rename(folder)
        if _read_entry(folder) is None:  # a damaged one is there
            # It is replaced by one process at a time: another would remove what the first has just stored.
            with suppress(OSError), hold_lock(folder.with_suffix(".lock"), wait=True):
                if _read_entry(folder) is None:
                    shutil.rmtree(folder, ignore_errors=True)
                    new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove unfinished entries of processes that were killed."""
    for unfinished in folder.glob(f"{NEW}*"):
        with suppress(OSError):  # its process has just finished it
            if time.time() - unfinished.stat().st_mtime > KILLED:
                shutil.rmtree(unfinished, ignore_errors=True)


def _in_memory(convert: Callable[[Put], Facts]) -> tuple[Mapping[str, Array], Facts]:
    blocks: dict[str, list[Array]] = {}
    facts = convert(lambda name, block: blocks.setdefault(name, []).append(block))
    arrays = {name: some[0] if len(some) == 1 else np.concatenate(some) for name, some in blocks.items()}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays, facts


def _write(folder: Path, convert: Callable[[Put], Facts]) -> Facts:
    files: dict[str, _ArrayFile] = {}

    def put(name: str, block: Array) -> None:
        if name not in files:
            files[name] = _ArrayFile(folder / f"{name}.npy", block.dtype, block.shape[1:])
        files[name].append(block)

    try:
        facts = convert(put)
        for file in files.values():
            file.finish()
    except OSError as error:
        raise DataError(f"{folder.parent}: the cache folder cannot be written: {error.strerror}") from None
    finally:
        for file in files.values():
            file.close()
    return facts


@final
class _ArrayFile:
    """An .npy file that grows block by block."""

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._path, self._dtype, self._shape, self._length = path, dtype, shape, 0
        self._file = path.open("wb")
        self._write_header()

    def append(self, block: Array) -> None:
        if block.shape[1:] != self._shape:
            raise DataError(f"{self._path.stem}: a block of rows {block.shape[1:]} after one of {self._shape}")
        if (dtype := np.promote_types(self._dtype, block.dtype)) != self._dtype:
            self._promote(dtype)
        self._file.write(block.astype(self._dtype, order="C", copy=False).tobytes())
        self._length += len(block)

    def finish(self) -> None:
        self._file.seek(0)
        self._write_header()

    def close(self) -> None:
        self._file.close()

    def _write_header(self) -> None:
        """Write the header; NumPy leaves room in it for any length, so that it can be written again."""
        described = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._length, *self._shape),
        }
        np.lib.format.write_array_header_1_0(self._file, described)

    def _promote(self, dtype: np.dtype[Any]) -> None:
        """Write all blocks so far anew, in a dtype that holds them and the next one."""
        self.finish()
        self.close()
        old = self._path.rename(self._path.with_suffix(".old"))
        blocks = np.load(old, mmap_mode="r") if self._length else np.empty((0, *self._shape), self._dtype)
        self._dtype, length, self._length = dtype, self._length, 0
        self._file = self._path.open("wb")
        self._write_header()
        for start in range(0, length, PROMOTED):
            self.append(blocks[start : start + PROMOTED])
        old.unlink()


def _read_entry(folder: Path) -> tuple[Mapping[str, Array], Facts] | None:
    """Return the entry in a folder, or None where there is none, or not a whole one."""
    try:
        about = json.loads((folder / ABOUT).read_bytes())
        arrays = {}
        for name in about["arrays"]:
            file = folder / f"{name}.npy"
            mode: Literal["r"] | None = "r" if file.stat().st_size > MAPPED else None
            arrays[name] = np.load(file, mmap_mode=mode, allow_pickle=False)
            arrays[name].flags.writeable = False
        return arrays, about["facts"]
    except (OSError, ValueError, KeyError, EOFError, TypeError):
        return None
