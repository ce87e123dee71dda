"""Long cells of a CSV file, which take time in proportion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LONG = 2**16  # what took time by the square took a minute for 20,000, and would take ten for these
SHAPES = [
    "1", "x", " ", ",", ".", "-", "+", "e", '"', "\0", "\r", "\n", "5x", "1.", "1,", "1e", "1e5", "1,000",
    '",', '"a",', '""x', "a,", "٣", "\ufeff", "é", "e\u0301", "\u200c",
]  # fmt: skip
AROUND = [("", ""), ("", "x"), ("-", "e"), ('"', ""), ('"', '"'), ("1", ',"')]

MEASURE = f"""
import re
import sys
from modnet_data.csv import cells, fast, source, text
from modnet_data.csv.cells import OTHERS
parts = [part for name, part in sys.modules.items() if name.startswith(("modnet_data.csv.", "modnet_data.table."))]
patterns = {{value for part in parts for value in vars(part).values() if isinstance(value, re.Pattern)}}
functions = [pattern.fullmatch for pattern in patterns if isinstance(pattern.pattern, str)]
of_bytes = [pattern.fullmatch for pattern in patterns if isinstance(pattern.pattern, bytes)]
assert len(functions) > 6
functions += [cells.is_number, cells.number_of, cells.label_problem, fast._well_quoted(",", chr(34))]
functions += [notation.to_plain for notation, _ in OTHERS]
COMMAS = text.Dialect(",", ".", None, "utf-8")
functions += [cells.number_problem, lambda line: text._stray_quote(line, COMMAS)]
functions += [lambda line: text._with_single_spaces(line, text.RUNS[chr(34)])]
for shape in {SHAPES!r}:
    for before, behind in {AROUND!r}:
        long = before + shape * ({LONG} // len(shape)) + behind
        for function in functions:
            function(long)
        for function in of_bytes:
            function(long.encode())
"""

LOAD = """
import sys, modnet
for path in sys.argv[1:]:
    try:
        modnet.load(path, label="last", test_fraction=0.0)
    except modnet.DataError as error:
        assert len(str(error)) < 2000, error
"""

LISTED = """
import sys, modnet
words = {f"n{i}": ["none"] for i in range(5000)}
assert modnet.load(sys.argv[1], missing_values=words, test_fraction=0.0).features == 5000
"""

RENAMED = """
import sys, modnet
from pathlib import Path
from modnet_data.csv.source import Csv
names = [f"pixel{i}" for i in range(5000)]
try:
    Csv().read_named_rows(Path(sys.argv[1]), 5000, names)
except modnet.DataError as error:
    assert "5000 columns are missing" in str(error), error
"""


def run(code: str, *arguments: Path) -> None:
    """Run code in a process of its own, which takes seconds, or else much longer than it may."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, timeout=150, check=False, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def test_all_that_looks_at_cells_takes_time_in_proportion_to_their_length():
    run(MEASURE)


def test_files_of_long_cells_take_time_in_proportion_to_their_size(tmp_path: Path):
    paths = []
    for number, shape in enumerate(SHAPES):
        cell = shape * (50_000 // len(shape))
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text(f"a,b,kind\n1,2,x\n{cell}x,2,x\n1,{cell}\n1,{cell},{cell}\n", encoding="utf-8", newline="")
    run(LOAD, *paths)


def write_table(path: Path, columns: int, rows: list[str]) -> Path:
    """Write a header of so many features and a label, and rows of features that are all the same each."""
    names = [*(f"n{i}" for i in range(columns)), "label"]
    lines = [",".join([*[cell] * columns, "ab"[i % 2]]) for i, cell in enumerate(rows)]
    path.write_text("\n".join([",".join(names), *lines]) + "\n", encoding="utf-8")
    return path


def test_files_of_many_mistakes_take_time_in_proportion_to_their_size(tmp_path: Path):
    wide = write_table(tmp_path / "wide.csv", 5000, ["x", "y", "z"] * 7)
    long = write_table(tmp_path / "long.csv", 200, [f"{i}.5" for i in range(100)] + ["abc"] * 500)
    run(LOAD, wide, long)


def test_words_for_missing_values_of_many_columns_take_time_in_proportion(tmp_path: Path):
    run(LISTED, write_table(tmp_path / "wide.csv", 5000, [f"{i}.5" for i in range(20)]))


def test_missing_names_of_many_columns_are_reported_in_proportion_to_their_number(tmp_path: Path):
    run(RENAMED, write_table(tmp_path / "wide.csv", 5000, [f"{i}.5" for i in range(3)]))
