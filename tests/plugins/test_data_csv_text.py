"""Text, missing values, weights and targets in CSV files, from training to prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import DataError

ROWS = [
    f"{i % 9}.5,{('red', 'green', 'blue')[i % 3]},{('01', '1')[i % 2]},{i % 4},{('x', 'y')[i % 3 == 0]}"
    for i in range(60)
]
TABLE = "\n".join(["size,color,code,w,label", *ROWS]) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def load(path: Path, text: str, **settings: Any) -> modnet.Dataset:
    path.write_text(text, encoding="utf-8")
    return modnet.load(path, **{"test_fraction": 0.0, **settings})


def test_a_listed_column_is_text_even_if_it_looks_like_numbers(path: Path) -> None:
    data = load(path, TABLE, encode={"code": "one-hot"})
    assert [column.words for column in data.columns] == [None, ("red", "green", "blue"), ("01", "1"), None]
    assert data.settings["encode"] == {"color": "one-hot", "code": "one-hot"}
    again = load(path, TABLE, **data.settings)
    assert again.settings == data.settings
    np.testing.assert_array_equal(again.train.x, data.train.x)


def test_words_in_order_are_places(path: Path) -> None:
    data = load(path, TABLE, encode={"color": ["blue", "green", "red"]}, standardize=False)
    assert data.train.x[:3, 1].tolist() == [2, 1, 0]
    with pytest.raises(DataError, match=r"line 2, column 2 \('color'\): the word 'red' is not in the order") as caught:
        load(path, TABLE, encode={"color": ["blue", "green"]})
    assert caught.value.advice == ({"encode": {"color": "one-hot"}},)


def test_a_test_file_has_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "a_test.csv").write_text("size,color,code,w,label\n1,black,7,0,x\n1,green,1,0,y\n1,red,1,0,y\n")
    data = load(tmp_path / "a_train.csv", TABLE, leave_out=["size", "code", "w"])
    assert data.test.x.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert any("black" in note for note in data.notes)


def test_rows_to_predict_are_read_as_in_training(path: Path) -> None:
    data = load(path, TABLE, encode={"code": "one-hot"}, impute="median")
    source = modnet.source("csv", **data.settings, impute="median")
    path.write_text("code,color,size\n1,black,\n2,red,3\n", encoding="utf-8")
    found = source.read_named_rows(path, 3, ["size", "color", "code"])
    assert [column.words for column in found.columns] == [None, ("black", "red"), ("1", "2")]
    np.testing.assert_array_equal(found.x, [[np.nan, 0, 0], [3, 1, 1]])


def test_rows_without_a_header_are_read_by_position(path: Path) -> None:
    source = modnet.source("csv", **load(path, "\n".join(ROWS), header=False, label=4, leave_out=[0, 3]).settings)
    path.write_text("red,1\nblue,01\n" * 2, encoding="utf-8")
    found = source.read_named_rows(path, 2, [])
    assert [column.words for column in found.columns] == [("red", "blue"), None]


def test_weights_are_no_feature(path: Path) -> None:
    data = load(path, TABLE, weights="w")
    assert data.feature_names == ("size", "color", "code")
    assert data.train.weights[:5].tolist() == [0, 1, 2, 3, 0]
    with pytest.raises(DataError, match=r"line 3, column 4 \('w'\): expected a weight >= 0, found '-1'"):
        load(path, TABLE.replace(",1,x", ",-1,x", 1), weights="w")


def test_numbers_are_predicted(path: Path) -> None:
    data = load(path, TABLE.replace(",label", ",target").replace(",x", ",0.5").replace(",y", ",2"), task="regression")
    assert (data.task, data.classes, data.train.t.shape) == ("regression", (), (60, 1))
    with pytest.raises(DataError, match="which column is the label, the number to be predicted") as caught:
        load(path, TABLE, task="regression", leave_out=["label"])
    assert caught.value.advice[0]["label"] == "w"


@pytest.mark.parametrize("rows", [1, 300, 20_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_last_lines_are_not_read(path: Path, rows: int, end: str) -> None:
    lines = ["a,b,label", *(f"{i % 7},2,{i % 2}" for i in range(rows + 1)), 'a note: "as is', "3,4,1"]
    assert len(load(path, end.join(lines), footer=2, label="label").train) == rows + 1
    assert len(load(path, end.join(lines) + end, footer=3, label="label").train) == rows


def test_no_row_to_predict_is_taken_for_a_footer(path: Path) -> None:
    path.write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    source = modnet.source("csv", footer=1)
    with pytest.raises(DataError, match="footer skips a line of 2 columns, which may be a row") as caught:
        source.read_named_rows(path, 2, ["a", "b"])
    assert caught.value.advice == ({"footer": 0},)
    path.write_text("a,b\n1,2\n3,4\nthe source\n", encoding="utf-8")
    assert len(source.read_named_rows(path, 2, ["a", "b"]).x) == 2


def test_other_quotes(path: Path) -> None:
    text = TABLE.replace("red", "'red, dark'")
    assert load(path, text, quotechar="'").columns[1].words == ("red, dark", "green", "blue")
