"""The label of a CSV file without a header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from modnet_data.csv import label, source

import modnet
from modnet import DataError


def lines(*columns: Any, delimiter: str = ",") -> str:
    return "".join(delimiter.join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


ROWS = 3000
CLASSES = [i % 7 for i in range(ROWS)]
SORTED = sorted(CLASSES)
NUMBERS = [i * 5 % 11 * 20 for i in range(ROWS)]
FRACTIONS = [f"{i % 13}.5" for i in range(ROWS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lines(CLASSES, NUMBERS, NUMBERS), 0),
        (lines(NUMBERS, NUMBERS, CLASSES), 2),
        (lines(FRACTIONS, NUMBERS, SORTED), 2),
        (lines(SORTED, NUMBERS, FRACTIONS), 0),
        (lines([c + 1 for c in CLASSES], NUMBERS, NUMBERS), 0),
        (lines([f"{c}.0" for c in CLASSES], NUMBERS, NUMBERS), 0),
        (lines(FRACTIONS, NUMBERS, CLASSES, delimiter=";").replace(".", ","), 2),
    ],
)
def test_a_file_is_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: int) -> None:
    (tmp_path / "a.csv").write_text(text)
    monkeypatch.setattr(source, "counting_column", lambda *_: pytest.fail("it was converted to find the label"))
    options: dict[str, Any] = {"header": False, "test_fraction": 0, "delimiter": ";" if ";" in text else ","}
    data = modnet.load(tmp_path / "a.csv", **options)
    assert data.settings["label"] == expected
    known = modnet.load(tmp_path / "a.csv", label=expected, **options)
    assert np.array_equal(data.train.x, known.train.x)
    assert np.array_equal(data.train.t, known.train.t)


@pytest.mark.parametrize(
    "text",
    [
        lines(NUMBERS, NUMBERS, SORTED),  # at first, the label is always 0
        lines([*CLASSES, 100], [*NUMBERS, 1], [*SORTED, 0]),  # at first, both count
        lines([*CLASSES, "?"], [*NUMBERS, 1], [*CLASSES, 3]).replace("?", "9") + "1,2,0\n",
    ],
)
def test_a_guess_that_does_not_hold_is_taken_back(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    data = modnet.load(tmp_path / "a.csv", header=False, test_fraction=0)
    assert data.settings["label"] == 2
    assert len(data.train) == text.count("\n")


CELLS = st.sampled_from(["0", "1", "2", "3", "1.5", "300", "-1", "", "?", "x", "1e0"])


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from(["refuse", "drop", 0.0]),
)
@example([["0", "1", "5"], ["1", "1", "5"], ["", "1", "1"]], "drop")
@settings(
    max_examples=settings.default.max_examples * 3 // 2, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_found_does_not_depend_on_a_guess(tmp_path: Path, rows: list[list[str]], missing: float | str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("".join(",".join(row) + "\n" for row in rows))

    def result() -> Any:
        try:
            data = modnet.load(path, header=False, test_fraction=0, missing=missing)
        except DataError as error:
            return str(error)
        return data.settings, data.notes, data.classes, data.train.x.tolist(), data.train.t.tolist()

    found = result()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label.LabelGuess, "watch", refuse)
        assert result() == found


def refuse(guess: label.LabelGuess, *_: object) -> None:
    if guess._guessed:
        raise label.WrongGuessError
