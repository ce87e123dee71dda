"""Blocks and grids of a CSV file, and ways to read one that agree."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from modnet_data.csv.blocks import grid, lines_of, row_blocks
from modnet_data.csv.text import LONGEST_LINE, Dialect, records

import modnet
from modnet import DataError, SettingError

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
        blocks = list(row_blocks(io.BytesIO(text.encode(encoding)), attrs.evolve(COMMAS, encoding=encoding)))
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


# One file, read in three ways

DIGITS = ["٣", "５", "५", "²", "½", "Ⅳ", "5월", "水", "\U000f0000", "\U0001d7d9", "乐"]
NUMBERS = [
    "0",
    "7",
    "255",
    "256",
    "-0",
    "+5",
    "007",
    " 3",
    "3 ",
    "\u00a03",
    "3\f",
    "3\x1c",
    "1.5",
    ".5",
    "5.",
    "1e2",
    "1E+05",
]
ODD_NUMBERS = [
    "1e400",
    "-1e-400",
    "9" * 16,
    "9" * 17,
    "0x10",
    "1_0",
    "1j",
    "nan",
    "inf",
    "1e",
    "+-1",
    "1,5",
    "1.2.3",
    "5\0",
]
LABELS = ["cat", "dog", "cat ", "0", "1", "고양이", "x" * 31, "x" * 32, "x" * 33, "e", "é", "e\u0301", "می\u200cخواهم"]
ODD = [
    "",
    "?",
    "NA",
    "-",
    '"5"',
    '"a""b"',
    '"a',
    'a"b',
    '"a\nb"',
    '"5\r\n"',
    '"1,2"',
    "\ufeff5",
    "\ufeffcat",
    "ca\u200bt",
]
CONTROLS = ["\x1b[31m", "\x85", "\u2028", "\x7f", "\0", "\t", "5\x1f", "#"]
TOKENS = st.sampled_from([*DIGITS, *NUMBERS, *ODD_NUMBERS, *LABELS, *ODD, *CONTROLS]) | st.text(max_size=3)


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return the text of a table, in which some cells were exchanged."""
    columns, delimiter = draw(st.integers(2, 4)), draw(st.sampled_from(",,,,;\t "))
    kinds = [draw(st.sampled_from([NUMBERS[:3], NUMBERS, ["1.5", "2", "-3e1"]])) for _ in range(columns)]
    kinds[draw(st.sampled_from([0, -1, -1, -1]))] = draw(st.sampled_from([LABELS, LABELS[:2], ["0", "1", "2"]]))
    rows = [[draw(st.sampled_from(kind)) for kind in kinds] for _ in range(draw(st.integers(1, 8)))]
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, len(row) - 1))] = draw(TOKENS)
    if draw(st.integers(0, 5)) == 0:
        row = draw(st.sampled_from(rows))
        row[-1:] = draw(st.sampled_from([[], ["1", "2"]]))
    end, names = draw(st.sampled_from(["\n", "\r\n", "\r"])), [["a", "b", "c", "kind"][-columns:]]
    lines = [delimiter.join(row) for row in [*(names if draw(st.booleans()) else []), *rows]]
    return draw(st.sampled_from(["", "\ufeff"])) + end.join(lines) + draw(st.sampled_from(["", end, end * 2]))


OPTIONS: list[dict[str, Any]] = [
    *({"header": header} for header in (True, False)),
    *({"dtype": dtype} for dtype in ("uint8", "float32", "float64")),
    *({"missing": missing} for missing in ("drop", 0)),
    *({"missing_values": words} for words in (["x", "7", "NA"], [])),
    *({"delimiter": delimiter} for delimiter in (",", ";", "whitespace")),
    *({"text_labels": text} for text in (True, False)),
    *({"leave_out": columns} for columns in ((0,), (1,))),
    {"delimiter": ";", "decimal": ","},
    {"thousands": ","},
    {"thousands": ".", "decimal": ",", "delimiter": ";"},
    {"comment": "#"},
    {"skip_rows": 1},
    {"classes": ["cat", "dog", "NA"], "text_labels": True},
    {"classes": [0, 7, 255], "text_labels": False},
    *({"encode": encode} for encode in ("one-hot", {"0": "one-hot"}, {"1": ["x", "7", "2"]})),
    *({"impute": way} for way in ("median", "most-frequent", 1.5, {"0": "most-frequent"}, {"1": "x"})),
    {"impute": "mean", "missing": "drop", "missing_indicator": True},
    {"weights": 1},
    {"task": "regression"},
    *({"footer": count} for count in (1, 2)),
    {"quotechar": "'"},
]
SETTINGS = st.builds(
    lambda label, *more: {"label": label} | {key: value for each in more for key, value in each.items()},
    st.sampled_from(["last", "last", "first", 1]),
    st.sampled_from([{}, *OPTIONS]),
    st.sampled_from([{}, {}, *OPTIONS]),
)


def outcome(path: Path, chosen: dict[str, Any]) -> Any:
    """Return all that a file was read as, or the error."""
    try:
        data = modnet.load(path, test="", test_fraction=0.0, source="csv", **chosen)
    except (DataError, SettingError) as error:
        return str(error)
    table = data.train.table
    return (
        data.classes,
        data.settings,
        data.feature_names,
        data.notes,
        data.columns,
        table.dtype,
        table.tobytes(),
        data.train.t.tolist(),
    )


@given(files(), SETTINGS, st.integers(4, 40))
@example("a,b,kind\n5월,2,x\n", {}, 8)
@example('1,0\n2,1\na"b,0\n"a\nb",0\n', {"label": "last"}, 8)
@example("1,2,乐\n1,3,水\n", {"label": "last"}, 8)
@example("kind,a\n\U000f0000,1\n", {"label": 0}, 8)
@example("0,水\n", {"label": "first", "header": False}, 8)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings.default.max_examples * 5)
def test_a_file_is_the_same_to_numpy_cell_by_cell_and_in_small_blocks(tmp_path, text, chosen, size):
    path = tmp_path / "any.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    found = outcome(path, chosen)
    assert not isinstance(found, str) or found.replace("\n", "").isprintable()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modnet_data.csv.blocks.BLOCK", size)
        assert outcome(path, chosen) == found
        patch.setattr("modnet_data.csv.rows.grid", lambda *_: None)
        patch.setattr("modnet_data.csv.rows.read_regular", lambda *_: None)
        assert outcome(path, chosen) == found
        patch.setattr("modnet_data.csv.blocks.BLOCK", 2**17)
        assert outcome(path, chosen) == found
