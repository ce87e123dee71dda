"""Files, compressed or not, named, opened and created; progress is reported."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from modnet.errors import DataError, MissingExtraError, ModnetError
from modnet.text import format_error, list_some, printable

LIMIT = 2**30
"""Bytes in a compressed file that is read as a whole, at most: a small file could unpack to more than fits."""

LARGEST = 2**32  # bytes in a file of a run, at most: parameters of half a billion numbers
LARGEST_JSON = 2**25  # bytes in a JSON file, at most: in memory it may take fifty times as many
CHUNK = 2**20
ZIP = b"PK\x03\x04"
HEADER = 30  # bytes before the name of the first member of a ZIP archive: PKWARE's APPNOTE.TXT, 4.3.7
UNIX = 3  # the system that an archive is said to be of, on all systems: the same content is the same file
MOST_NAMES = 4
_UNSEEN = re.compile(r"(.*/)?(__MACOSX/|\.DS_Store|Thumbs\.db)")  # what programs add to an archive
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # a pipe is not waited for
_observer: ContextVar[Callable[[Path, int, int], object] | None] = ContextVar("observer", default=None)


@contextmanager
def telling(tell: Callable[[Path, int, int], object]) -> Iterator[None]:
    """Have `tell(path, done, total)` called, in bytes of the file, as a long file is read inside the block."""
    token = _observer.set(tell)
    try:
        yield
    finally:
        _observer.reset(token)


def tell_progress(path: Path, done: int, total: int) -> None:
    """Report how much of a file has been read to the function that `telling` has set, if any."""
    if observer := _observer.get():
        observer(path, done, total)


class ReportingFile(io.FileIO):
    """A file that reports how much of it has been read.

    It ends where it ended when it was opened: some files of the system never do. Links are followed; raises OSError,
    and DataError where it is no file, or larger than `most` bytes.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        super().__init__(path, opener=lambda name, flags: os.open(name, flags | _AT_ONCE))
        status = os.fstat(self.fileno())
        self._path, self.size = path, status.st_size
        wrong = "" if stat.S_ISREG(status.st_mode) else "a device or a pipe, expected a file"
        if most is not None and self.size > most:
            wrong = f"more than {most // 2**20:,} MiB"
        if wrong:
            self.close()
            raise DataError(f"{path}: {wrong}", path=path)

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and report."""
        count = super().readinto(memoryview(buffer)[: max(0, self.size - self.tell())])
        tell_progress(self._path, self.tell(), self.size)
        return count


def _open_zst(file: Path | IO[bytes], mode: str) -> Any:
    """Open a .zst file: Python 3.14 can by itself."""
    try:
        module = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    except ImportError:
        raise MissingExtraError(f"{getattr(file, 'name', file)}: a .zst file", "zst") from None
    checked = {module.CompressionParameter.checksum_flag: 1} if mode == "wb" else None  # not its default
    return module.open(file, mode, options=checked)


@contextmanager
def _open_zip(file: IO[bytes], _: str) -> Iterator[IO[bytes]]:
    """Open the one file in an archive for reading, not extracted; raises DataError where there are none or several."""
    with zipfile.ZipFile(file) as archive, archive.open(_find_member(archive, Path(file.name))) as member:
        yield member


_FORMATS: dict[str, tuple[bytes, Callable[..., Any]]] = {
    ".gz": (b"\x1f\x8b", gzip.open),
    ".bz2": (b"BZh", bz2.open),
    ".xz": (b"\xfd7zXZ\x00", lzma.open),
    ".zst": (b"\x28\xb5\x2f\xfd", _open_zst),
    ".zip": (ZIP, _open_zip),
}
COMPRESSED = (*_FORMATS,)
HEAD = 512


@contextmanager
def reading(path: Path | None, reader: str = "") -> Iterator[None]:
    """Turn any exception while a file, or an object, is read into a DataError that names it; errors of modnet's pass.

    One that is unknown, or of a `reader`, becomes its cause, for the traceback.
    """
    try:
        yield
    except DataError as error:
        error.path = error.path or path
        raise
    except ModnetError:
        raise
    except Exception as error:
        known = _explain(error) if path else ""
        what = known or f"cannot be read{reader and f' by {reader}'}: {format_error(error)}"
        raise DataError(f"{path}: {what}" if path else what, path=path) from (None if known and not reader else error)


def _explain(error: Exception) -> str:
    """Return in words why a file cannot be read, or nothing where the error does not tell."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    # Windows says of a folder that permission is denied.
    is_denied = isinstance(error, PermissionError) and os.path.isdir(error.filename or "")  # noqa: PTH112 - may be any
    if isinstance(error, IsADirectoryError) or is_denied:
        return "a folder, expected a file"
    damage = isinstance(error, (EOFError, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, zlib.error))
    bz2s = isinstance(error, OSError) and error.errno is None  # not the system's
    if damage or bz2s or type(error).__name__ == "ZstdError":  # a class of an extra, which may not be there
        return f"the compressed file is damaged or cut off: {printable(str(error), 200)}"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start]
        return f"not {error.encoding.upper()} text (byte 0x{byte:02x}); save it as UTF-8"
    return "does not fit into memory" if isinstance(error, MemoryError) else ""


def read_plain(path: Path, most: int = LARGEST) -> bytes:
    """Return the bytes of a file as they are; raises DataError where it cannot be read, or has more than `most`."""
    with reading(path), io.BufferedReader(ReportingFile(path, most)) as file:
        return file.read(file.raw.size)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; raises DataError where it is none."""
    content = read_plain(path, LARGEST_JSON)
    with reading(path):
        table = json.loads(content)
    if not isinstance(table, dict):
        raise DataError(f"{path}: not a JSON object", path=path)
    return table


def compression(path: Path) -> str:
    """Return the suffix that goes with how the content of a file is compressed, "" where it is not."""
    with ReportingFile(path) as file:
        head = os.read(file.fileno(), HEAD)  # past the report
    is_npz = head.startswith(ZIP) and first_name(head).endswith(b".npy")  # an archive of NumPy's arrays
    return next((suffix for suffix, (magic, _) in _FORMATS.items() if head.startswith(magic) and not is_npz), "")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, decompressed if its content is compressed; progress is reported.

    Raises MissingExtraError where it takes an extra to decompress it.
    """
    suffix = compression(path)
    with io.BufferedReader(ReportingFile(path), CHUNK) as file:
        if not suffix:
            yield file
            return
        with _FORMATS[suffix][1](file, "rb") as inside:
            yield inside


@contextmanager
def created(path: Path, named: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a file for writing, compressed as the suffix of its name (or of `named`) says."""
    suffix = (named or path).suffix.lower()
    if suffix == ".gz":  # without a name and a time in it, the same content is the same file
        with path.open("wb") as plain, gzip.GzipFile("", "wb", compresslevel=6, fileobj=plain, mtime=0) as packed:
            yield cast("IO[bytes]", packed)
    elif suffix == ".zip":
        info = zipfile.ZipInfo((named or path).stem)  # of 1980
        info.create_system = UNIX
        info.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w") as archive, archive.open(info, "w", force_zip64=True) as member:
            yield member
    else:
        with _FORMATS[suffix][1](path, "wb") if suffix in _FORMATS else path.open("wb") as file:
            yield file


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Return the content of a file, decompressed, or its first `most` bytes.

    Raises DataError where it cannot be read, or where a compressed file holds more than `LIMIT` bytes.
    """
    with reading(path), opened(path) as file:
        if isinstance(file, io.BufferedReader):
            return file.read(most)
        chunks, size = [], 0
        while chunk := file.read(CHUNK if most is None else min(CHUNK, most - size)):
            chunks.append(chunk)
            size += len(chunk)
            if size > LIMIT:
                what = f"unpacks to more than {LIMIT // 2**20} MiB"
                raise DataError(f"{path}: {what}; if that is meant, decompress it first", path=path)
        return b"".join(chunks)


def head_of(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, those inside if it is compressed and can be read; none of a folder."""
    if path.is_dir():
        return b""
    if compression(path):  # which refuses a device or a pipe: it would be waited for
        with suppress(DataError, MissingExtraError), reading(path), opened(path) as inside:
            return inside.read(size)
    with path.open("rb") as file:
        return file.read(size)


def _find_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """Return the one file in an archive; raises DataError where there are none or several."""
    infos = [info for info in archive.infolist() if not info.is_dir() and not _UNSEEN.match(info.filename)]
    names = [printable(info.filename, 40) for info in infos]
    if "[Content_Types].xml" in names:
        raise DataError(f"{path}: an Excel workbook or another Office document: save it as CSV", path=path)
    if len(infos) != 1:
        found = f"{len(infos)} files ({list_some(names, MOST_NAMES)})" if infos else "no file"
        raise DataError(f"{path}: a ZIP archive of {found}, expected one: unpack it", path=path)
    if infos[0].flag_bits & 1:
        raise DataError(f"{path}: an encrypted ZIP archive: unpack it", path=path)
    return infos[0]


def first_name(head: bytes) -> bytes:
    """Return the name of the first file in a ZIP archive, by the first bytes of it."""
    return head[HEADER : HEADER + int.from_bytes(head[26:28], "little")]


def member_name(path: Path) -> str:
    """Return the name of the one file in a ZIP archive; raises DataError where there are none or several."""
    with reading(path), zipfile.ZipFile(path) as archive:
        return _find_member(archive, path).filename


def uncompressed_name(path: Path) -> str:
    """Return a file's name in lower case, without the suffix of a compression.

    >>> uncompressed_name(Path("data/Iris.CSV.gz"))
    'iris.csv'
    """
    name = path.name.lower()
    return name.removesuffix(suffix) if (suffix := Path(name).suffix) in COMPRESSED else name


def part_paths(path: Path, other: str = "test") -> tuple[Path, Path]:
    """Return the paths of two files for a training and a test part, or another one, where one file cannot hold both.

    >>> [str(part) for part in part_paths(Path("mnist.csv.gz"))]
    ['mnist_train.csv.gz', 'mnist_test.csv.gz']
    >>> [str(part) for part in part_paths(Path("train-2.csv"))]
    ['train-2.csv', 'test-2.csv']
    """
    for write in (str.lower, str.title, str.upper):
        if (train := write("train")) in path.name:
            return path, path.with_name(path.name.replace(train, write(other)))
    stem, dot, suffixes = path.name.partition(".")
    return path.with_name(f"{stem}_train{dot}{suffixes}"), path.with_name(f"{stem}_{other}{dot}{suffixes}")
