"""Tables in Parquet and Arrow files, read in a process of their own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NoReturn, cast, final

import numpy as np

from modnet import Array, DataError, MissingExtraError
from modnet.files import compression, format_size, printable, quote, reading
from modnet_data.parquet.reader import LONGEST, PARQUET
from modnet_data.table.typed import TypedTable, Values

READER = Path(__file__).with_name("reader.py")
BLOCK = 2**23  # bytes that are received at once
WORDS = 2**16  # that are received at once, of one column of text
MEMORY = 2**30  # bytes that the process may take, and as many times the size of the file as the next line says
MEMORY_PER_BYTE = 8
SECONDS = 10  # of computing that a block may take
SECONDS_PER_BYTE = 1e-7
PATIENCE = 60  # seconds to wait for what takes that much computing on a busy machine
START = 120.0  # seconds to wait for the process, whose libraries may come from a slow disk
CRASHED = 0xC0000000  # the first exit status by which Windows says that a process crashed
KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TEMP", "TMPDIR")
"""Environment variables that the process needs; others may change what libraries do."""
OTHER_FORMATS = {b"FEA1": "Feather of version 1", b"\xff\xff\xff\xff": "an Arrow stream"}
QUIET = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


@contextmanager
def open_table(path: Path) -> Iterator[TypedTable]:
    """Open a Parquet or an Arrow file, whichever it is; raises DataError where it is neither, or damaged.

    pyarrow reads it in a process of its own: what crashes or hangs there is an error here.
    """
    with reading(path):
        if suffix := compression(path):
            raise DataError(f"{path}: compressed as a whole ({suffix}): decompress it first", path=path)
        with path.open("rb") as file:
            head = file.read(len(PARQUET))
        if head in OTHER_FORMATS:
            hint = "save it as Parquet or Feather (version 2)"
            raise DataError(f"{path}: {OTHER_FORMATS[head]}, expected a Parquet or an Arrow file: {hint}", path=path)
        folders = [str(Path(np.__file__).parents[1]), _find_pyarrow(path)]
        reader = _Reader(path, "a Parquet" if head == PARQUET else "an Arrow", path.stat().st_size)
        with reader.run(folders):
            yield reader.read_header()


def _find_pyarrow(path: Path) -> str:
    """Return the folder that pyarrow is in, and not the current one; raises MissingExtraError."""
    if "pyarrow" not in sys.modules or sys.modules["pyarrow"] is not None:
        beside = str(Path(np.__file__).parents[1])
        others = [folder for folder in sys.path if folder and Path(folder).resolve() != Path.cwd().resolve()]
        spec = PathFinder.find_spec("pyarrow", [beside, *others])
        if spec and spec.origin:
            return str(Path(spec.origin).parents[1])
    raise MissingExtraError(f"{path}: a Parquet or Arrow file", "parquet")


@final
class _Reader:
    """The process that reads a file, and what it sends."""

    _process: subprocess.Popen[bytes]

    def __init__(self, path: Path, what: str, size: int) -> None:
        self._path, self._what = path, what
        self._memory = MEMORY + MEMORY_PER_BYTE * size
        self._seconds = SECONDS + int(SECONDS_PER_BYTE * size)
        self._patience = PATIENCE + self._seconds
        self._is_ready = self._is_late = False
        self._kinds: tuple[Any, ...] = ()

    @contextmanager
    def run(self, folders: Sequence[str]) -> Iterator[None]:
        """Have the process run inside the block."""
        request = {
            "path": os.fsencode(self._path.absolute()).hex(),  # whatever the encoding of names is in either process
            "folders": list(dict.fromkeys(folders)),
            "memory": self._memory,
            "seconds": self._seconds,
        }
        environment = {name: value for name, value in os.environ.items() if name in KEPT} | QUIET
        command = [sys.executable, "-I", "-S", str(READER), json.dumps(request)]
        if not sys.executable or getattr(sys, "frozen", False):
            self._refuse_start("this program is no Python")
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C is for this process, which then ends the other
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._refuse_start(error.strerror or str(error))
        try:
            yield
        finally:
            self._end()

    def read_header(self) -> TypedTable:
        """Return the table, of which no rows are read yet."""
        first = self._receive(START)
        if "missing" in first:
            raise MissingExtraError(f"{self._path}: a Parquet or Arrow file", "parquet")
        self._is_ready = True
        header = self._receive(self._patience)
        try:
            names, types, kinds = zip(*header["columns"], strict=True) if header["columns"] else ((), (), ())
            kinds = tuple(kind if kind in {None, "text"} else _number_type(kind) for kind in kinds)
            types = tuple(printable(kind, 60) for kind in types)
            table = TypedTable(self._path, tuple(map(str, names)), types, kinds, int(header["rows"] or 0), self._blocks)
        except (KeyError, TypeError, ValueError):
            self._refuse_answer()
        if twice := [name for name, count in Counter(table.names).items() if count > 1]:
            what = f"two columns are named {quote(twice[0])}: rename one of them"
            raise DataError(f"{self._path}: {what}", path=self._path)
        self._kinds = table.kinds
        return table

    def _blocks(self, columns: Sequence[int], first: int = 0) -> Iterator[list[Values]]:
        """Yield blocks of all rows, or one of the first few."""
        kinds = [self._kinds[i] for i in columns]
        rows = max(1, BLOCK // sum(dtype.itemsize for dtype in map(_dtype_sent, kinds)))
        rows = first or (min(rows, WORDS) if "text" in kinds else rows)
        self._ask({"columns": list(columns), "rows": rows, "once": bool(first)})
        while "end" not in (message := self._receive(self._patience)):
            try:
                yield self._receive_block(kinds, rows, **message)
            except (TypeError, ValueError, IndexError):
                self._refuse_answer()

    def _receive_block(self, kinds: Sequence[Any], most: int, rows: int, lacking: Any, words: Any) -> list[Values]:
        """Return the columns that a message has announced; raises ValueError and the like where it is nonsense."""
        dtypes = list(map(_dtype_sent, kinds))
        if not 0 < rows <= most:
            raise ValueError(rows)
        data = bytearray(rows * sum(dtype.itemsize + bool(lacks) for dtype, lacks in zip(dtypes, lacking, strict=True)))
        self._fill(memoryview(data), self._patience)
        columns, start = [], 0
        for kind, dtype, lacks, some in zip(kinds, dtypes, lacking, words, strict=True):
            values = _values(data, dtype, rows, start)
            start += values.nbytes
            missing = _values(data, np.dtype(bool), rows, start) if lacks else None
            start += rows * bool(lacks)
            if kind == "text" and not 0 <= values.min() <= values.max() < max(1, len(some)):
                raise ValueError(some)
            columns.append(Values(values, missing, tuple(map(str, some))))
        return columns

    def _ask(self, question: dict[str, Any]) -> None:
        with suppress(OSError):  # it has ended: why is found when its answer is read
            if self._process.stdin:
                self._process.stdin.write(json.dumps(question).encode() + b"\n")
                self._process.stdin.flush()

    def _receive(self, patience: float) -> dict[str, Any]:
        """Return the next message; raises DataError where it is an error, or where there is none."""
        size = bytearray(8)
        self._fill(memoryview(size), patience)
        if (count := int.from_bytes(size, "little")) > LONGEST:
            self._refuse_answer()
        text = bytearray(count)
        self._fill(memoryview(text), patience)
        try:
            message = json.loads(bytes(text))
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._refuse_answer()
        if "memory" in message:
            what = f"it takes more than {format_size(self._memory)} of memory to read"
            self._refuse(f"{what}: damaged, or to be saved in smaller row groups or record batches")
        if "error" in message:
            self._refuse(f"cannot be read as {self._what} file: {printable(str(message['error']), 200)}")
        return message

    def _fill(self, buffer: memoryview, patience: float) -> None:
        """Fill a buffer with what the process sends; raises DataError where it sends too little or too late."""
        timer = threading.Timer(patience, self._give_up)
        timer.daemon = True
        timer.start()
        pipe = cast("io.BufferedReader", self._process.stdout)
        try:
            while buffer and (count := pipe.readinto(buffer)):
                buffer = buffer[count:]
        finally:
            timer.cancel()
        if buffer:
            self._refuse_silence()

    def _give_up(self) -> None:
        self._is_late = True
        self._process.kill()

    def _end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not yet written cannot be
                if pipe:
                    pipe.close()
        self._process.wait()

    def _refuse(self, problem: str) -> NoReturn:
        raise DataError(f"{self._path}: {problem}", path=self._path)

    def _refuse_start(self, why: str) -> NoReturn:
        self._refuse(f"Parquet and Arrow files are read in a process of their own, which cannot be started: {why}")

    def _refuse_answer(self) -> NoReturn:
        self._refuse("damaged: the process that reads it answers nonsense")

    def _refuse_silence(self) -> NoReturn:
        """Raise the DataError of a process that has ended, or was ended, before it had sent everything."""
        self._process.kill()
        status = self._process.wait()
        if not self._is_ready:
            how = "does not answer" if self._is_late else f"ends at once (exit status {status})"
            self._refuse_start(f"{sys.executable} {how}")
        if self._is_late or -status == getattr(signal, "SIGXCPU", None):
            self._refuse("damaged: the library that reads it does not come to an end")
        if -status == getattr(signal, "SIGKILL", None):
            self._refuse("cannot be read: the process that reads it was killed; memory may have run out")
        if status < 0:
            name = signal.strsignal(-status) or "killed"
            self._refuse(f"damaged: the library that reads it crashed (signal {-status}, {name})")
        if status >= CRASHED:
            self._refuse(f"damaged: the library that reads it crashed (status {status:#x})")
        self._refuse(f"damaged: the process that reads it ended (exit status {status})")


def _values(data: bytearray, dtype: np.dtype[Any], rows: int, start: int) -> Array:
    """Return an array that lies in some bytes; raises ValueError where truth values are neither 0 nor 1."""
    values: Array = np.frombuffer(data, np.uint8 if dtype.kind == "b" else dtype, rows, start)
    if dtype.kind == "b" and values.max() > 1:
        raise ValueError(dtype)
    return values.view(dtype)


def _dtype_sent(kind: Any) -> np.dtype[Any]:
    """Return the dtype in which values of a column are sent: words of text are numbered."""
    return np.dtype(np.int32 if kind == "text" else kind)


def _number_type(kind: Any) -> np.dtype[Any]:
    """Return the dtype that this stands for; raises ValueError where it is not of numbers or truth values."""
    dtype = np.dtype(str(kind))
    if dtype.kind not in "biuf" or not dtype.isnative:
        raise ValueError(kind)
    return dtype
