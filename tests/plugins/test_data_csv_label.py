"""The label of pictures in a CSV file without a header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from modnet_data.csv import pictures, source

import modnet
from modnet import DataError


def lines(*columns: Any, delimiter: str = ",") -> str:
    return "".join(delimiter.join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


ROWS = 1000
CLASSES = [i % 7 for i in range(ROWS)]
SORTED = sorted(CLASSES)
PIXELS = [[(i * 5 + j) % 11 * 20 for i in range(ROWS)] for j in range(16)]
WIDE = [[i * j % 256 for i in range(ROWS)] for j in range(2, 29)]  # 3 channels of 3 times 3
DARK = [[n % 128 for n in column] for column in PIXELS]
ONES = [1] * (ROWS // 2) + [200] * (ROWS // 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lines(CLASSES, *PIXELS), 0),
        (lines(*PIXELS, CLASSES), 16),
        (lines(*PIXELS, SORTED), 16),
        (lines(*WIDE, SORTED), 27),
        (lines(SORTED, *PIXELS), 0),
        (lines([c + 1 for c in CLASSES], *PIXELS), 0),
        (lines([f"{c}.0" for c in CLASSES], *PIXELS), 0),
        (lines(*PIXELS, CLASSES, delimiter=";"), 16),
    ],
)
def test_a_file_is_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: int) -> None:
    (tmp_path / "a.csv").write_text(text)
    monkeypatch.setattr(source, "picture_label", lambda *_: pytest.fail("it was converted to find the label"))
    options: dict[str, Any] = {"header": False, "test_fraction": 0}
    data = modnet.load(tmp_path / "a.csv", **options)
    assert data.settings["label"] == expected
    known = modnet.load(tmp_path / "a.csv", label=expected, **options)
    assert np.array_equal(data.train.x, known.train.x)
    assert np.array_equal(data.train.t, known.train.t)


@pytest.mark.parametrize(
    "text",
    [
        lines(ONES, *PIXELS[1:], SORTED),  # in the first rows, both ends are constant
        lines([*CLASSES, 100], *([*column, 1] for column in PIXELS[1:]), [*SORTED, 0]),  # in the first rows, both count
    ],
)
def test_a_guess_that_does_not_hold_is_taken_back(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    data = modnet.load(tmp_path / "a.csv", header=False, test_fraction=0)
    assert data.settings["label"] == 16
    assert len(data.train) == text.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        lines(CLASSES, *DARK),
        lines(CLASSES, *PIXELS[1:]),
        lines(CLASSES, *PIXELS[1:], CLASSES),
        lines(*PIXELS, [2 * c for c in CLASSES]),
        lines(*PIXELS, [c + 2 for c in CLASSES]),
        lines(*PIXELS, CLASSES) + "256" + 15 * ",0" + ",1\n",
        lines(*PIXELS, CLASSES) + "0.5" + 15 * ",0" + ",1\n",
        lines(*PIXELS, CLASSES) + 16 * "0," + "-1\n",
        lines(*PIXELS, CLASSES) + 16 * "0," + "8\n",
    ],
)
def test_what_may_be_no_pictures_is_asked_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=r"which column is the label, of 1\d that it could be\? Set label = "):
        modnet.load(tmp_path / "a.csv", header=False)


def test_a_mistake_in_a_picture_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(lines(*PIXELS, CLASSES) + 16 * "0," + "x\n")
    with pytest.raises(DataError, match="line 1001, column 17: expected a number, found 'x'"):
        modnet.load(tmp_path / "a.csv", header=False)


CELLS = st.sampled_from(["0", "1", "2", "3", "1.5", "200", "300", "-1", "", "?", "x", "1e0"])


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12),
    st.sampled_from(["refuse", "drop", 0.0]),
)
@example([("0", "1", "5"), ("1", "200", "5"), ("", "1", "1")], "drop")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_found_does_not_depend_on_a_guess(
    tmp_path: Path, rows: list[tuple[str, str, str]], missing: float | str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("".join(",".join([first, middle, *["0"] * 14, last]) + "\n" for first, middle, last in rows))

    def result() -> Any:
        try:
            data = modnet.load(path, header=False, test_fraction=0, missing=missing)
        except DataError as error:
            return str(error)
        return data.settings, data.notes, data.classes, data.train.x.tolist(), data.train.t.tolist()

    found = result()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures.LabelGuess, "watch", refuse)
        assert result() == found


def refuse(guess: pictures.LabelGuess, *_: object) -> None:
    if guess._guessed:
        raise pictures.WrongGuessError


@pytest.mark.parametrize("word", ["2024-01-0{}", "0{}:30", "${}", "{}0 %"])
def test_the_only_text_is_asked_about_where_it_is_dates_or_amounts(tmp_path: Path, word: str) -> None:
    rows = "".join(f"{word.format(i % 3 + 1)},{i}.5,{i * 7 % 11}.25\n" for i in range(40))
    (tmp_path / "prices.csv").write_text(f"when,open,close\n{rows}")
    with pytest.raises(DataError, match=r"which column is the label\? Set label = 'when'"):
        modnet.load(tmp_path / "prices.csv")
    assert len(modnet.load(tmp_path / "prices.csv", label="when").classes) == 3
