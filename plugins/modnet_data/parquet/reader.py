"""Process in which pyarrow reads one Parquet or Arrow file."""

from __future__ import annotations

import json
import mmap
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

PARQUET = b"PAR1"
LONGEST = 2**26  # bytes of a message without its arrays
PIPE = 2**20  # bytes that a pipe holds, where the system lets one choose

Batches = Callable[[Sequence[int], int], Iterator[Any]]
"""Yields record batches of the columns of these numbers, of so many rows at most."""


def main(request: dict[str, Any]) -> None:
    """Send the columns of the file in a request, and then the blocks of rows that each line of standard input asks for.

    A message is a size in 8 bytes, JSON of that size, and the arrays that it announces. What fails is the last message.
    """
    questions: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    out = os.fdopen(os.dup(1), "wb")
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(out.fileno(), fcntl.F_SETPIPE_SZ, PIPE)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries that print disturb no message
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    own = list(sys.path)
    sys.path += request["folders"]
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        _send(out, {"missing": True})
        return
    sys.path[:] = own  # what else is in these folders is not imported: pyarrow would take pandas, where it is
    _send(out, {"ready": True})
    try:
        _answer(request, questions, out, pa)
    except MemoryError:
        _send(out, {"memory": True})
    except Exception as error:  # whatever pyarrow raises for what is in the file
        _send(out, {"error": next(iter(str(error).splitlines()), "") or type(error).__name__})


def _answer(request: dict[str, Any], questions: queue.SimpleQueue[dict[str, Any]], out: IO[bytes], pa: Any) -> None:
    """Send the columns of the file, and what is asked for, until this process is ended."""
    limits = Limits(request["memory"], request["seconds"])
    with open(bytes.fromhex(request["path"]), "rb") as file:  # noqa: PTH123 - a path of bytes
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    fields, rows, batches = (_open_parquet if content[:4] == PARQUET else _open_arrow)(pa, content)
    columns = [[field.name, str(field.type)[:100], _kind_of(pa, field.type)] for field in fields]
    _send(out, {"columns": columns, "rows": rows})
    while True:
        question = questions.get()
        limits.renew()
        for batch in batches(question["columns"], question["rows"]):
            if batch.num_rows:
                _send_block(out, pa, [(batch.column(fields[i].name), columns[i][2]) for i in question["columns"]])
            limits.renew()
            if question["once"]:
                break
        _send(out, {"end": True})


def _listen(questions: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Pass on what is asked; the process ends with the one that asks."""
    for line in sys.stdin.buffer:
        questions.put(json.loads(line))
    os._exit(0)


class Limits:
    """Limits of this process, where the system has such: bytes of memory, and seconds of computing between messages."""

    def __init__(self, memory: int, seconds: int) -> None:
        self._seconds = seconds
        with suppress(ImportError, ValueError, OSError):
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            now = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, _at_most(now + memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
        self.renew()

    def renew(self) -> None:
        """Grant more time."""
        with suppress(ImportError, ValueError, OSError):
            import resource

            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, _at_most(int(time.process_time()) + 1 + self._seconds, hard))


def _at_most(limit: int, hard: int) -> tuple[int, int]:
    return (limit if hard < 0 else min(limit, hard)), hard


def _open_parquet(pa: Any, content: mmap.mmap) -> tuple[Any, int, Batches]:
    def opened(**options: Any) -> Any:
        source = pa.BufferReader(pa.py_buffer(content))
        return pa.parquet.ParquetFile(source, page_checksum_verification=True, pre_buffer=False, **options)

    file = opened()
    fields, footer = list(file.schema_arrow), file.metadata
    _check_footer(footer, len(content))

    def batches(columns: Sequence[int], rows: int) -> Iterator[Any]:
        names = [fields[i].name for i in columns]
        text = [fields[i].name for i in columns if _kind_of(pa, fields[i].type) == "text"]
        found = 0
        for batch in opened(metadata=footer, read_dictionary=text).iter_batches(rows, columns=names, use_threads=False):
            batch.validate(full=True)
            found += batch.num_rows
            yield batch
        if found != footer.num_rows:
            raise ValueError(f"{found} rows, expected {footer.num_rows}")

    return fields, footer.num_rows, batches


def _check_footer(footer: Any, size: int) -> None:
    """Raise ValueError where a Parquet file's footer contradicts itself, or the size of the file."""
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    if sum(group.num_rows for group in groups) != footer.num_rows or any(group.num_rows < 0 for group in groups):
        raise ValueError(f"its row groups do not add up to its {footer.num_rows} rows")
    schema = footer.schema
    is_flat = [not schema.column(i).max_repetition_level for i in range(footer.num_columns)]
    for group in groups:
        for i in range(group.num_columns):
            chunk = group.column(i)
            if is_flat[i] and chunk.num_values != group.num_rows:
                what = f"{chunk.num_values} values of the column {chunk.path_in_schema}"
                raise ValueError(f"{what} in a row group of {group.num_rows} rows")
            starts = [chunk.data_page_offset, *([chunk.dictionary_page_offset] * chunk.has_dictionary_page)]
            if not chunk.num_values:
                continue
            if min(starts) < len(PARQUET) or not 0 <= chunk.total_compressed_size <= size - min(starts):
                raise ValueError(f"the column {chunk.path_in_schema} is not inside the file")


def _open_arrow(pa: Any, content: mmap.mmap) -> tuple[Any, None, Batches]:
    def opened(columns: Sequence[int] | None = None) -> Any:
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=columns)
        return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(content)), options=options)

    def batches(columns: Sequence[int], rows: int) -> Iterator[Any]:
        file = opened(columns)
        for batch in map(file.get_batch, range(file.num_record_batches)):
            batch.validate(full=True)
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows)

    return list(opened().schema), None, batches


def _kind_of(pa: Any, kind: Any) -> str | None:
    """Return "text", the dtype of numbers or truth values, or None for other types."""
    inside = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(inside) or pa.types.is_large_string(inside) or pa.types.is_string_view(inside):
        return "text"
    if pa.types.is_boolean(inside):
        return "?"
    if pa.types.is_integer(inside) or pa.types.is_floating(inside):
        letter = "f" if pa.types.is_floating(inside) else "u" if pa.types.is_unsigned_integer(inside) else "i"
        return f"={letter}{inside.bit_width // 8}"  # pyarrow's to_pandas_dtype takes pandas before 26
    return None


def _send_block(out: IO[bytes], pa: Any, columns: Sequence[tuple[Any, str]]) -> None:
    """Send values of columns, which of them are missing, and the words that values of text are the numbers of."""
    arrays, lacking, all_words = [], [], []
    for column, kind in columns:
        values, missing, words = (_read_text if kind == "text" else _read_numbers)(pa, column)
        arrays += [values] if missing is None else [values, missing]
        lacking.append(missing is not None)
        all_words.append(words)
    _send(out, {"rows": len(columns[0][0]), "lacking": lacking, "words": all_words}, arrays)


def _read_numbers(pa: Any, column: Any) -> tuple[Any, Any, list[str]]:
    """Return the numbers or truth values of a column, 0 where they are missing, and which are, or None; no words."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    missing = None
    if column.null_count:
        missing = column.is_null().to_numpy(zero_copy_only=False)
        column = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
    return column.to_numpy(zero_copy_only=False), missing, []


def _read_text(pa: Any, column: Any) -> tuple[Any, Any, list[str]]:
    """Return a column of text as numbers (int32) of words, 0 where it is missing, where that is, or None; the words."""
    import numpy as np

    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.large_string()).dictionary_encode()
    numbers = column.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    used, places = np.unique(numbers, return_inverse=True)
    texts = [None if i < 0 else column.dictionary[i].as_py() for i in used.tolist()]  # a word may be missing, too
    words = list(dict.fromkeys(text for text in texts if text is not None))
    order = {word: i for i, word in enumerate(words)}
    missing = np.array([text is None for text in texts])[places]
    values = np.array([0 if text is None else order[text] for text in texts], np.int32)[places]
    return values, missing if missing.any() else None, words


def _send(out: IO[bytes], message: dict[str, Any], arrays: Sequence[Any] = ()) -> None:
    text = json.dumps(message).encode()
    if len(text) > LONGEST:
        raise ValueError(f"{len(text):,} bytes of names or of text at once")
    out.write(len(text).to_bytes(8, "little"))
    out.write(text)
    for array in arrays:
        out.write(memoryview(array).cast("B"))
    out.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
