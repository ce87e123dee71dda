"""NumPy's archives of named arrays."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import SEEK_END
from pathlib import Path
from typing import IO

import attrs
import numpy as np

from modnet import Array, DataError, Dataset
from modnet.files import CHUNK, printable, quote, reading, replacing, tell_progress
from modnet_data import cached
from modnet_data.arrays.npy_format import npy_header, write_npy
from modnet_data.arrays.raw import Raw, blocks, check_packed, map_array
from modnet_data.arrays.source import ArraySource
from modnet_data.formats import SUFFIXES
from modnet_data.names import part_names, row_names
from modnet_data.writing import class_labels, not_compressed, parts_of, table_blocks, table_dtype

VERSION = 1
"""Of the conversion to arrays: another one makes all files be converted anew."""

# Bytes before a member's name, "extra field" and data, and at the end before the comment; PKWARE's APPNOTE.TXT, 4.3.
LOCAL_HEADER, END = 30, 22
IN_ZIP64 = 0xFFFF
MOST_MEMBERS = 10_000
NAMES = (("x_train", "y_train"), ("x_test", "y_test"))


@attrs.frozen
class Npz(ArraySource):
    """Named arrays in an .npz archive, compressed or not.

    Their names are Keras' `x_train`, `y_train`, `x_test`, `y_test`, the book's `train_img`, `train_label`, `test_img`,
    `test_label`, or `x`, `t` and the like, in any case. Without a test part, a `test_fraction` of the rows, drawn by
    `split_seed`, is the test part; `stratified`, of each class alike. `classes` fixes the labels that there are, and
    their order. Pickled objects in an archive are refused. An archive of 4 MiB or more is mapped into memory; one that
    is compressed is unpacked once before.
    """

    format = "npz"
    suffixes = SUFFIXES["npz"]

    def arrays(self, path: Path) -> list[Array]:
        """Return the arrays of the training part and of the test part."""
        return _arrays(path, part_names)

    def arrays_to_predict(self, path: Path) -> list[Array]:
        """Return the arrays of the test part, or else of all rows."""
        return _arrays(path, row_names)

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write `x_train`, `y_train`, `x_test`, `y_test`, or `x`, `t`, uncompressed so that they can be mapped."""
        not_compressed(path, "take the last suffix off")
        labels, dtype, parts = class_labels(data), table_dtype(data), parts_of(data)
        names = NAMES if len(parts) > 1 else (("x", "t"),)
        with replacing(path) as new, zipfile.ZipFile(new, "w") as archive:
            for part, (x, t) in zip(parts, names, strict=True):
                _write(archive, x, (len(part), part.table.shape[1]), dtype, table_blocks(part, dtype, path))
                _write(archive, t, (len(part),), labels.dtype, [labels[part.t]])
        return [path]


def _write(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype, some: Iterable[Array]) -> None:
    info = zipfile.ZipInfo(f"{name}.npy")  # of 1980, so that the same content is the same file
    info.create_system = 3  # Unix, for the same reason
    with archive.open(info, "w", force_zip64=True) as member:
        write_npy(member, shape, dtype, some)


def _arrays(path: Path, choose: Callable[[Iterable[str], Path], tuple[str, ...]]) -> list[Array]:
    """Return the arrays of an archive that `choose` chooses by their names, read only."""
    with _archive(path) as archive:
        names = choose([name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")], path)
        members = _members(archive, names, path)
        infos = [info for info, _ in members]
        if path.stat().st_size >= cached.SMALL and all(info.compress_type == zipfile.ZIP_STORED for info in infos):
            return [_map_member(path, info, raw) for info, raw in members]
    kept, _ = cached.arrays_of(path, json.dumps(["npz", VERSION, names]), lambda put: _unpack(path, names, put))
    return [kept[str(i)] for i in range(len(names))]


def _unpack(path: Path, names: Sequence[str], put: cached.Put) -> cached.Facts:
    with _archive(path) as archive:
        members = _members(archive, names, path)
        total, before = sum(raw.size for _, raw in members), 0
        for i, (info, raw) in enumerate(members):
            with archive.open(info.filename) as member:
                member.read(raw.start)
                for done, block in blocks(member, raw, _place(path, names[i])):
                    put(str(i), block)
                    tell_progress(path, before + done, total)
            before += raw.size
    return {}


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose members are those that its list says; what zipfile raises becomes a DataError."""
    with reading(path):
        try:
            with path.open("rb") as file, zipfile.ZipFile(file) as archive:
                _check_list(archive, file, path)
                yield archive
        except DataError:
            raise
        # zipfile's own: damage or no archive at all, an unknown compression, a password, an array that is gone since,
        # a name that is no text, a place outside of the file, a field that is cut off.
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError, ValueError, struct.error) as error:
            why = printable(str(error), 200) or "damaged"
            raise DataError(f"{path}: cannot be read as an archive: {why}", path=path) from None


def _check_list(archive: zipfile.ZipFile, file: IO[bytes], path: Path) -> None:
    """Raise DataError where the list of members, at the end, is not the one of what lies before it, each once.

    zipfile itself does without: it reads an archive whose list lost a member, or its name, as one of other data.
    """
    damaged, infos = f"{path}: a damaged archive", archive.infolist()
    file.seek(-END - len(archive.comment), SEEK_END)
    ends, end = file.tell(), file.read(END)
    if end[:4] != b"PK\5\6" or int.from_bytes(end[10:12], "little") not in {len(infos), IN_ZIP64}:
        raise DataError(f"{damaged}: the list of its members is not whole, or not at its end", path=path)
    if len(infos) > MOST_MEMBERS:
        raise DataError(f"{path}: an archive of {len(infos)} members, expected at most {MOST_MEMBERS}", path=path)
    name, times = Counter(info.filename for info in infos).most_common(1)[0] if infos else ("", 0)
    if times > 1:
        raise DataError(f"{_place(path, name)} is there {times} times; keep one", path=path)
    free = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        archive.open(info.filename).close()  # which finds that the name is another one where the member lies
        overlaps, free = info.header_offset < free, _data_start(file, info) + info.compress_size
        if overlaps or free > ends:
            raise DataError(f"{damaged}: {quote(info.filename)} and others overlap", path=path)


def _members(archive: zipfile.ZipFile, names: Sequence[str], path: Path) -> list[tuple[zipfile.ZipInfo, Raw]]:
    """Return members and how their arrays lie in them, once all sizes are known to be what is declared."""
    infos = [archive.getinfo(f"{name}.npy") for name in names]
    check_packed(f"{path}:", sum(info.file_size for info in infos), path.stat().st_size)
    return [(info, _member(archive, info, _place(path, name))) for info, name in zip(infos, names, strict=True)]


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: str) -> Raw:
    with archive.open(info.filename) as member:
        raw = npy_header(member, what)
    if (there := info.file_size - raw.start) != raw.size:
        raise DataError(f"{what} cannot be read: {there} bytes of data, expected {raw.size} by its shape and dtype")
    return raw


def _data_start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return where the data of a member begins, behind its name and its "extra field"."""
    file.seek(info.header_offset)
    head = file.read(LOCAL_HEADER)
    return info.header_offset + LOCAL_HEADER + sum(int.from_bytes(head[i : i + 2], "little") for i in (26, 28))


def _map_member(path: Path, info: zipfile.ZipInfo, raw: Raw) -> Array:
    """Return the array of a member that is not compressed as it lies in the archive, once its checksum is right."""
    with path.open("rb") as file:
        start = _data_start(file, info)
        file.seek(start)
        checksum, left = 0, info.file_size
        while left and (piece := file.read(min(left, CHUNK))):
            checksum, left = zlib.crc32(piece, checksum), left - len(piece)
            tell_progress(path, info.file_size - left, info.file_size)
    if left or checksum != info.CRC:
        raise DataError(f"{path}: a damaged archive: {quote(info.filename)} is not what its checksum says", path=path)
    return map_array(path, attrs.evolve(raw, start=start + raw.start))


def _place(path: Path, name: str) -> str:
    return f"{path}: {quote(name)}"
