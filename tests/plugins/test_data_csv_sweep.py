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


def change(row: list[str], column: int, mistake: str) -> tuple[str, int]:
    """Return a row as text with a mistake in it, and the column where it is to be found."""
    cell = row[column]
    if mistake == "missing delimiter":
        column = min(column, SIZE - 2)
        return ",".join([*row[:column], row[column] + row[column + 1], *row[column + 2 :]]), column
    made = {
        "extra delimiter": "," + cell,
        "stray quote": f'{cell[:1]}"{cell[1:]}',
        "text": "abc",
        "NaN": "NaN",
    }[mistake]
    return ",".join([*row[:column], made, *row[column + 1 :]]), column


@pytest.mark.parametrize("mistake", ["extra delimiter", "missing delimiter", "stray quote", "text", "NaN"])
def test_one_mistake_is_found_wherever_it_is(tmp_path: Path, mistake: str) -> None:
    path, rows = tmp_path / "table.csv", cells()
    source = modnet.source("csv", label="label", test="")
    wrong = []
    for row in range(SIZE):
        for column in range(SIZE):
            lines = [",".join(NAMES), *map(",".join, rows)]
            lines[row + 1], at = change(rows[row], column, mistake)
            path.write_text("\n".join(lines) + "\n")
            with pytest.raises(DataError) as caught:
                source.read(path)
            place = f"{path}, line {row + 2}, column {at + 1} ({NAMES[at]!r}): "
            if not str(caught.value).startswith(place):
                wrong.append((row, column, str(caught.value)))
    assert not wrong, f"{len(wrong)} of {SIZE * SIZE}, the first: {wrong[0]}"
