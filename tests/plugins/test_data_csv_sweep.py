"""A sweep of damages over one CSV file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modnet
from modnet import DataError

SIZE = 20
NAMES = [*(f"c{i}" for i in range(SIZE - 1)), "label"]


def cells() -> list[list[str]]:
    rng = np.random.default_rng(0)
    rows = [[f"{value:.2f}" for value in row] for row in rng.uniform(0, 10, (SIZE, SIZE - 1)).clip(0, 9.99)]
    return [[*row, str(i % 3)] for i, row in enumerate(rows)]


def change(row: list[str], column: int, mistake: str) -> tuple[str, int, str]:
    """Return a row as text with a mistake in it, the column where it is to be found, and what is asked."""
    cell = row[column]
    if mistake == "missing delimiter":
        column = min(column, SIZE - 2)
        joined = row[column] + row[column + 1]
        hint = f"; is a delimiter missing in column {column + 1} ({NAMES[column]!r}), {joined!r}?"
        hint *= column < SIZE - 2  # or else it is a number, as the label is a digit
        return ",".join([*row[:column], joined, *row[column + 2 :]]), SIZE - 1, hint
    made = {
        "extra delimiter": "," + cell,
        "stray quote": f'{cell[:1]}"{cell[1:]}',
        "text": "abc",
        "NaN": "NaN",
    }[mistake]
    text = ",".join([*row[:column], made, *row[column + 1 :]])
    if mistake == "extra delimiter":
        return text, SIZE, f"; is there one delimiter too many at column {column + 1} ({NAMES[column]!r})?"
    return text, column, ""


@pytest.mark.parametrize("mistake", ["extra delimiter", "missing delimiter", "stray quote", "text", "NaN"])
def test_one_mistake_is_found_wherever_it_is(tmp_path: Path, mistake: str) -> None:
    path, rows = tmp_path / "table.csv", cells()
    source = modnet.source("csv", label="label", test="")
    wrong = []
    for row in range(SIZE):
        for column in range(SIZE):
            lines = [",".join(NAMES), *map(",".join, rows)]
            lines[row + 1], at, hint = change(rows[row], column, mistake)
            path.write_text("\n".join(lines) + "\n")
            with pytest.raises(DataError) as caught:
                source.read(path)
            name = f" ({NAMES[at]!r})" if at < SIZE else ""
            place = f"{path}, line {row + 2}, column {at + 1}{name}: "
            if not (str(caught.value).startswith(place) and str(caught.value).endswith(hint)):
                wrong.append((row, column, str(caught.value)))
    assert not wrong, f"{len(wrong)} of {SIZE * SIZE}, the first: {wrong[0]}"
