"""Long cells of a CSV file, which take time in proportion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LONG = 2**20
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
functions = [pattern.fullmatch for pattern in patterns]
assert len(functions) > 6
functions += [cells.is_number, cells.number_of, cells.label_problem, fast._well_quoted(",")]
functions += [notation.to_plain for notation, _ in OTHERS]
functions += [cells.number_problem, lambda line: text._stray_quote(line, ","), text._with_single_spaces]
for shape in {SHAPES!r}:
    for before, behind in {AROUND!r}:
        long = before + shape * ({LONG} // len(shape)) + behind
        for function in functions:
            function(long)
"""

LOAD = """
import sys, modnet
for path in sys.argv[1:]:
    try:
        modnet.load(path, label="last", test_fraction=0.0)
    except modnet.DataError as error:
        assert len(str(error)) < 2000, error
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
        cell = shape * (100_000 // len(shape))
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text(f"a,b,kind\n1,2,x\n{cell}x,2,x\n1,{cell}\n1,{cell},{cell}\n", encoding="utf-8", newline="")
    run(LOAD, *paths)
