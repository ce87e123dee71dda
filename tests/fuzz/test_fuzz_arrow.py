"""Mutated Parquet and Arrow files: read, or refused in words."""

from __future__ import annotations

import functools
import io
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from fuzzing import feed, make_files, mutate

import modnet

ROWS = 23
TEXT = pa.array(["oak", "ash", "elm", "oak"] * 5 + ["ash", "elm", "oak"])
TABLES = [
    pa.table({"a": np.arange(ROWS) * 0.5, "b": np.arange(ROWS), "label": TEXT}),
    pa.table({"a": np.arange(ROWS, dtype="u1"), "label": TEXT.dictionary_encode(), "b": np.arange(ROWS) > 9}),
    pa.table(
        {
            "label": np.arange(ROWS, dtype="i2") % 3,
            "a": pa.array([None, 2.5, None, *range(20)], pa.float32()),
            "b": pa.array([1, None] * 11 + [3], pa.int64()),
            "when": pa.array(range(ROWS), pa.timestamp("us")),
        }
    ),
    pa.table({"label": TEXT.cast(pa.large_string()), "a": np.zeros(ROWS, "f2"), "b": np.ones(ROWS, "u4")}),
    pa.table(
        {"label": TEXT, "a": np.arange(ROWS), "b": [[i] for i in range(ROWS)], "x.y": [{"z": i} for i in range(ROWS)]}
    ),
]
SETTINGS = {"label": "label", "features": ("a",), "missing": "drop", "test": "", "test_fraction": 0, "scale": 1}


def parquet(**options: Any) -> Callable[[pa.Table], bytes]:
    def write(table: pa.Table) -> bytes:
        file = io.BytesIO()
        pa.parquet.write_table(table, file, row_group_size=10, **options)
        return file.getvalue()

    return write


def feather(**options: Any) -> Callable[[pa.Table], bytes]:
    def write(table: pa.Table) -> bytes:
        file = io.BytesIO()
        pa.feather.write_feather(table, file, chunksize=10, **options)
        return file.getvalue()

    return write


def stream(table: pa.Table) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    return file.getvalue()


WRITERS = {
    "plain.parquet": parquet(use_dictionary=False, compression="none", write_statistics=False),
    "dictionary.parquet": parquet(compression="none"),
    "snappy.parquet": parquet(compression="snappy", version="1.0", data_page_version="2.0"),
    "zstd.parquet": parquet(compression="zstd", write_page_checksum=True),
    "gzip.parquet": parquet(compression="gzip", use_dictionary=False, data_page_size=64, write_page_index=True),
    "raw.feather": feather(compression="uncompressed"),
    "lz4.feather": feather(compression="lz4"),
    "zstd.feather": feather(compression="zstd"),
    "stream.feather": stream,
}
SPLIT = parquet(use_dictionary=False, compression="none", column_encoding={"a": "BYTE_STREAM_SPLIT"})
CHECKED = parquet(use_dictionary=False, compression="none", write_page_checksum=True)
FILES = [(f"{i}-{name}", write(table)) for i, table in enumerate(TABLES) for name, write in WRITERS.items()]
FILES += [("0-split.parquet", SPLIT(TABLES[0].select(["a"]).append_column("label", TEXT)))]
NUMBERS = np.arange(ROWS)[:10].tobytes()  # of the column b in the first row group


def make(draw: random.Random) -> tuple[str, bytes]:
    """Return a changed file; where only numbers under a checksum are, its name begins with "checked"."""
    if draw.random() < 0.05:
        content = bytearray(CHECKED(TABLES[0]))
        content[content.index(NUMBERS) + draw.randrange(len(NUMBERS))] ^= 1 << draw.randrange(8)
        return "checked.parquet", bytes(content)
    name, content = draw.choice(FILES)
    if draw.random() < 0.3:  # most of a file is what describes it, in small integers
        at = draw.randrange(len(content) - 8)
        number = draw.choice([-1, 0, 1, 2, 24, 1000, 2**30, 2**31 - 1, -(2**31)])
        return name, content[:at] + struct.pack("<i", number) + content[at + 4 :]
    return name, mutate(draw, content, others=[other for _, other in FILES])


@functools.cache
def good() -> modnet.Dataset:
    path = Path("good.parquet")
    path.write_bytes(CHECKED(TABLES[0]))
    return modnet.load(path, source="parquet", **{**SETTINGS, "features": ("b",)})


def judge(path: Path) -> str:
    """Read a file; what has a checksum is as it was."""
    if not path.name.startswith("checked"):
        modnet.load(path, source="parquet", **SETTINGS).check()
        return "read"
    found = modnet.load(path, source="parquet", **{**SETTINGS, "features": ("b",)})
    np.testing.assert_array_equal(found.train.x, good().train.x)
    return "read under a checksum"


@pytest.mark.check
def test_mutated_tables_are_read_or_refused(tmp_path: Path) -> None:
    counts, faults = feed("test_fuzz_arrow:judge", make_files(1000, 0, make), tmp_path)
    assert not faults
    assert counts["read"] > 100
    assert counts["refused"] > 400
    assert not counts["read under a checksum"]
