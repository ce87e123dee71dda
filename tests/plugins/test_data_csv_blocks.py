"""Blocks of a CSV file that end no row in its middle, and grids."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from modnet_data.csv.blocks import grid, lines_of, row_blocks
from modnet_data.csv.text import LONGEST_LINE, Dialect, records

import modnet
from modnet import DataError

COMMAS = Dialect(",", ".", None, "utf-8")


@st.composite
def grids(draw: st.DrawFn) -> tuple[list[list[int]], str, str]:
    columns = draw(st.integers(1, 5))
    row = st.lists(st.integers(0, 255), min_size=columns, max_size=columns)
    rows = draw(st.lists(row, min_size=1, max_size=6))
    return rows, draw(st.sampled_from(",;\t |")), draw(st.sampled_from(["\n", "\r\n"]))


@given(grids(), st.booleans())
def test_whole_numbers_up_to_255_in_rows_of_one_length_are_a_grid(table, ended):
    rows, delimiter, end = table
    text = end.join(delimiter.join(map(str, row)) for row in rows) + end * ended
    found = grid(text.encode(), len(rows[0]), delimiter)
    assert found is not None
    assert found.dtype == np.uint8
    assert found.tolist() == rows


@given(st.text("0123456789,,,\n\n.-+ \r\"e'", max_size=60), st.integers(1, 4))
@example("1,2\n3,256\n", 2)
@example("1,2\n\n3,4\n", 2)
@example("1,2,3\n4\n", 2)
@example("1,\n2,3\n", 2)
@example(",1\n2,3\n", 2)
@example("0001,2\n", 2)
@example("1\r2\n", 1)
@example("٣,4\n", 2)
def test_what_is_taken_for_a_grid_is_what_numpy_reads(text, columns):
    found = grid(text.encode(), columns, ",")
    if found is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = np.loadtxt(io.StringIO(text), np.uint8, delimiter=",", comments=None, ndmin=2)
    np.testing.assert_array_equal(found, expected)
    assert expected.shape[1] == columns


@pytest.mark.parametrize(
    "text", ["1,256\n", "1,2.0\n", "1,-2\n", "1,+2\n", "1,\n", "1,2,3\n", "1;2\n", "1,2\n\n", "a,b\n"]
)
def test_anything_else_is_none(text):
    assert grid(text.encode(), 2, ",") is None


@st.composite
def quoted_tables(draw: st.DrawFn) -> str:
    cell = st.text('ab,\n\r"ä', max_size=5).map(lambda text: '"' + text.replace('"', '""') + '"')
    plain = st.text("ab1ä", max_size=5)
    rows = draw(st.lists(st.lists(cell | plain, min_size=1, max_size=3), max_size=8))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return "".join(",".join(row) + end for row in rows)


@given(quoted_tables(), st.integers(4, 40), st.sampled_from(["utf-8", "latin-1", "utf-16", "utf-8-sig"]))
def test_no_block_ends_a_row_in_its_middle(text, size, encoding):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modnet_data.csv.blocks.BLOCK", size)
        blocks = list(row_blocks(io.BytesIO(text.encode(encoding)), encoding))
    assert b"".join(blocks).decode() == text
    whole = [record.cells for record in records(lines_of(text.encode()), COMMAS)]
    parts = [record.cells for block in blocks for record in records(lines_of(block), COMMAS)]
    assert parts == whole


def test_a_file_gives_the_same_whether_blocks_are_grids_or_not(tmp_path, monkeypatch):
    rows = np.random.default_rng(0).integers(0, 256, (400, 17))
    path = tmp_path / "pixels.csv"
    with path.open("w") as file:
        for i, row in enumerate(rows):  # quotes in one block, a fraction in another: read in another way
            cells = [f'"{n}"' if i == 100 else str(n) for n in row]
            file.write(",".join([*cells, str(i % 3)]) + "\n")
    monkeypatch.setattr("modnet_data.csv.blocks.BLOCK", 1000)
    mixed = modnet.load(path, label="last", header=False, test_fraction=0)
    monkeypatch.setattr("modnet_data.csv.rows.grid", lambda *_: None)
    plain = modnet.load(path, label="last", header=False, test_fraction=0)
    np.testing.assert_array_equal(mixed.train.table, rows)
    for one, other in ((mixed.train.table, plain.train.table), (mixed.train.t, plain.train.t)):
        assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())


def test_mistakes_are_found_by_line_however_the_blocks_lie(tmp_path, monkeypatch):
    path = tmp_path / "pixels.csv"
    lines = ["a,b,label", *(f"{i % 250},{i % 7},{i % 2}" for i in range(500))]
    for place in (1, 77, 250, 500):
        path.write_text("\n".join([*lines[:place], "1,x,0", *lines[place + 1 :]]) + "\n")
        for size in (16, 100, 10_000):
            monkeypatch.setattr("modnet_data.csv.blocks.BLOCK", size)
            with pytest.raises(DataError, match=rf"line {place + 1}, column 2 \('b'\): expected a number, found 'x'"):
                modnet.load(path, label="label", header=True)


def test_a_line_without_an_end_is_no_burden(tmp_path: Path):
    path = tmp_path / "long.csv"
    path.write_bytes(b"a,b,label\n" + b"1,2,0\n" * 200 + b"1," * (3 * LONGEST_LINE))
    with pytest.raises(DataError, match=r"line 202: more than 4,194,304 characters in a line"):
        modnet.load(path)
