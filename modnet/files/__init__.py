"""Files, compressed or not: opening them, saying in words what goes wrong, and writing them whole or not at all."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from modnet.errors import DataError, MissingExtraError
from modnet.text import printable as printable  # a public name of this module

LIMIT = 2**30
"""How many bytes a compressed file may hold that is read as a whole: a small file could unpack to more than fits."""

CHUNK = 2**20
# A file that changed this long before it was looked at, in seconds, cannot change again within the clock's step.
SETTLED = 2.0

_told: ContextVar[Callable[[Path, int, int], object] | None] = ContextVar("told", default=None)


def _open_zst(file: Path | IO[bytes], mode: str) -> Any:
    """Open a .zst file: Python 3.14 can by itself."""
    try:
        module = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    except ImportError:
        raise MissingExtraError(f"{getattr(file, 'name', file)}: a .zst file", "zst") from None
    checked = {module.CompressionParameter.checksum_flag: 1} if mode == "wb" else None  # not its default
    return module.open(file, mode, options=checked)


_FORMATS: dict[str, tuple[bytes, Callable[..., Any]]] = {
    ".gz": (b"\x1f\x8b", gzip.open),
    ".bz2": (b"BZh", bz2.open),
    ".xz": (b"\xfd7zXZ\x00", lzma.open),
    ".zst": (b"\x28\xb5\x2f\xfd", _open_zst),
}
COMPRESSED = tuple(_FORMATS)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while the file at `path` is read into a DataError that names it."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder, expected a file") from None
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path}: the compressed file is damaged or cut off: {error}") from None
    except OSError as error:
        if error.errno is None:  # not the system's, but bz2's
            raise DataError(f"{path}: the compressed file is damaged or cut off: {error}") from None
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(f"{path}: not {error.encoding.upper()} text (byte 0x{byte:02x}); save it as UTF-8") from None
    except MemoryError:
        raise DataError(f"{path}: does not fit into memory") from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # a class of an extra, which may not be there
            raise
        raise DataError(f"{path}: the compressed file is damaged or cut off: {error}") from None


def compression(path: Path) -> str:
    """Return the suffix that goes with how the content of a file is compressed, "" where it is not."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DataError(f"{path}: a device or a pipe, expected a file")
    with path.open("rb") as file:
        head = file.read(6)
    return next((suffix for suffix, (magic, _) in _FORMATS.items() if head.startswith(magic)), "")


def uncompressed_name(path: Path) -> str:
    """Return a file's name in lower case, without the suffix of a compression.

    >>> uncompressed_name(Path("data/Iris.CSV.gz"))
    'iris.csv'
    """
    name = path.name.lower()
    return name.removesuffix(suffix) if (suffix := Path(name).suffix) in COMPRESSED else name


def part_paths(path: Path) -> tuple[Path, Path]:
    """Return the paths of two files for a training and a test part, where one file cannot hold both.

    >>> [str(part) for part in part_paths(Path("mnist.csv.gz"))]
    ['mnist_train.csv.gz', 'mnist_test.csv.gz']
    >>> [str(part) for part in part_paths(Path("train-2.csv"))]
    ['train-2.csv', 'test-2.csv']
    """
    for train, test in (("train", "test"), ("Train", "Test"), ("TRAIN", "TEST")):
        if train in path.name:
            return path, path.with_name(path.name.replace(train, test))
    stem, dot, suffixes = path.name.partition(".")
    return path.with_name(f"{stem}_train{dot}{suffixes}"), path.with_name(f"{stem}_test{dot}{suffixes}")


class _Told(io.FileIO):
    """A file that tells how much of it has been read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path, self._size = path, os.fstat(self.fileno()).st_size

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        tell_progress(self._path, self.tell(), self._size)
        return count


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, decompressed if its content is compressed; how far it is read is told.

    Raises MissingExtraError where it takes an extra to decompress it.
    """
    suffix = compression(path)
    with io.BufferedReader(_Told(path), CHUNK) as file:
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
                raise DataError(f"{path}: {what}; if that is meant, decompress it first")
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


@contextmanager
def telling(tell: Callable[[Path, int, int], object]) -> Iterator[None]:
    """Have `tell(path, done, total)` called, in bytes of the file, as a long file is read inside the block."""
    token = _told.set(tell)
    try:
        yield
    finally:
        _told.reset(token)


def tell_progress(path: Path, done: int, total: int) -> None:
    """Tell whoever wants to know how much of a file has been read."""
    if tell := _told.get():
        tell(path, done, total)


def cache_folder() -> Path:
    """Return where modnet keeps what it can make or fetch again: MODNET_CACHE, or the user's cache folder."""
    if folder := os.environ.get("MODNET_CACHE"):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("modnet", appauthor=False)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex.

    What was found for a file is remembered in the cache folder for as long as size, times and inode stay the same.
    """
    with reading(path):
        before = _identity(path)
        note = cache_folder() / "digests" / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]}.json"
        with suppress(OSError, ValueError):
            known = json.loads(note.read_bytes())
            if isinstance(known, list) and known[:-1] == before and isinstance(known[-1], str):
                return known[-1]
        with _Told(path) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if _identity(path) == before and time.time() - path.stat().st_mtime > SETTLED:
            with suppress(OSError):
                note.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(note, json.dumps([*before, found]).encode())
        return found


def _identity(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a new file, which takes the place of `path` when the block ends well, and is gone otherwise."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    try:
        yield Path(name)
        with open(name, "rb") as file:  # noqa: PTH123 - what the block has written, whoever wrote it, goes to the disk
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)  # mkstemp's own mode would hide the file from the user's group
        Path(name).replace(path)
        _sync(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Have the names in a folder reach the disk: without it, a new file may be gone when the power fails."""
    if sys.platform == "win32":  # which opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they replaced `path` have left beside it."""
    for unfinished in path.parent.glob(f".{path.name}.????????"):
        unfinished.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, whole or not at all, even if the machine stops halfway."""
    with replacing(path) as new:
        new.write_bytes(content)
